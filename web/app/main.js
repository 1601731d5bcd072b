// SPDX-License-Identifier: Apache-2.0
// The start: language, frame, then what may come later.

import { startInstall } from "./install.js";
import { startKeys } from "./keys.js";
import { on, startLive } from "./live.js";
import { startOffline } from "./offline.js";
import { refreshPrefs, startLanguage } from "./prefs.js";
import { startPresence } from "./presence.js";
import { followReminders } from "./remind.js";
import { startShell } from "./shell.js";
import { followIntake } from "./upload.js";

await startLanguage();
startShell(document.getElementById("app"));
performance.mark("weft-ready");
startKeys();
followIntake();
followReminders();
startPresence();
startLive();
refreshPrefs().catch(() => {});
startInstall();
on("drafts", () => dispatchEvent(new Event("weft-drafts")));
startOffline().catch(() => {});
