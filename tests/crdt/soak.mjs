// Rooms without end: node soak.mjs [ROOMS] [FIRST-SEED] [JSON options]. Ends at the first
// difference.
import { Room } from "./lib/room.mjs";

const rooms = Number(process.argv[2] ?? Infinity);
const first = Number(process.argv[3] ?? Date.now() % 1e9);
const options = JSON.parse(process.argv[4] ?? "{}");
let n = 0, commands = 0;
for (let seed = first; n < rooms; seed++, n++) {
    const room = new Room(seed, {
        clients: 2 + (seed % 3),
        steps: 20 + (seed % 60),
        gc: seed % 5 !== 0,
        plain: seed % 4 === 0,
        undo: seed % 2 === 0,
        ...options,
    });
    const script = room.play();
    const difference = script.run();
    commands += script.expected.length;
    if (difference) {
        console.log(`seed ${seed}: ${difference}`);
        process.exit(1);
    }
    if (n % 100 === 99) console.log(`${n + 1} rooms, ${commands} commands, no difference`);
}
console.log(`${n} rooms, ${commands} commands, no difference`);
