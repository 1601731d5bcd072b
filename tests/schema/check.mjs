// SPDX-License-Identifier: Apache-2.0
// What `weft sample` writes under JSON Schemas, checked by ajv: every schema of the public suite
// that weft does not refuse, and such as clients send.
//   node check.mjs WEFT MODEL [SUITE]
// Prints one line a test, as tests/e2e/lib/tap.sh does.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const [weft, model, suite] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'weft-schema-'));
const COUNT = 2;
const TOKENS = 200;
const REFUSED = /cannot be enforced|Nothing can match|tokens are too few/;

function suiteSchemas(dir) {
    const found = [];
    for (const name of readdirSync(dir).filter((n) => n.endsWith('.json')).sort()) {
        for (const group of JSON.parse(readFileSync(join(dir, name), 'utf8')))
            found.push({ name: `${name}: ${group.description}`, schema: group.schema });
    }
    return found;
}

function sample(schema, seed) {
    const file = join(folder, 'schema.json');
    writeFileSync(file, JSON.stringify(schema));
    const args = ['sample', model, '--schema', file, '--json', '-n', COUNT, '--seed', seed,
                  '--max-tokens', TOKENS];
    const run = spawnSync(weft, args.map(String), { encoding: 'utf8' });
    return { code: run.status, lines: run.stdout.trim().split('\n'), error: run.stderr.trim() };
}

function validator(schema) {
    const Kind = /draft-07/.test(schema.$schema) ? Ajv : Ajv2020;
    const ajv = new Kind({ strict: false, logger: false });
    addFormats(ajv);
    try {
        return ajv.compile(schema);
    } catch {
        return null;
    }
}

// Whether one line is a whole output, and valid by ajv's and by weft's own reading.
function isGood(line, validate) {
    const { text, tokens, valid } = JSON.parse(line);
    return valid === true && tokens > 0 && tokens <= TOKENS && validate(JSON.parse(text));
}

function run(title, schemas, mayRefuse) {
    const wrong = [];
    let written = 0, refused = 0, unchecked = 0;
    schemas.forEach(({ name, schema }, i) => {
        const { code, lines, error } = sample(schema, i);
        if (mayRefuse && code === 1 && REFUSED.test(error)) {
            refused++;
            return;
        }
        const validate = validator(schema);
        if (validate === null) {
            unchecked++;
            return;
        }
        if (code !== 0 || lines.length !== COUNT)
            wrong.push(`${name}: ${error || lines.length}`);
        for (const line of code === 0 ? lines : []) {
            written++;
            if (!isGood(line, validate))
                wrong.push(`${name}: ${line.slice(0, 300)}`);
        }
    });
    for (const w of wrong)
        console.log(`# ${w}`);
    console.log(`# ${written} outputs of ${schemas.length} schemas; ${refused} refused, ` +
                `${unchecked} that ajv does not take`);
    console.log(`${wrong.length === 0 && written > 0 ? 'ok' : 'not ok'} ${title}`);
    return wrong.length === 0;
}

let good = run('what clients ask for is written and valid',
               JSON.parse(readFileSync(new URL('clients.json', import.meta.url), 'utf8')), false);
if (suite) {
    good = run('the suite: every output is valid', suiteSchemas(suite), true) && good;
    good = run('the formats: every output is valid',
               suiteSchemas(join(suite, 'optional', 'format')), true) && good;
}
rmSync(folder, { recursive: true });
process.exit(good ? 0 : 1);
