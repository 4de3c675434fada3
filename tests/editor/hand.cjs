// The hand on the keyboard: opens a folder in a workbench with headless Chromium, and does what
// each line of standard input says. The answer to a line is one line, both JSON. At the end of the
// input it closes the browser.
//
//   node hand.cjs URL FOLDER [FILE]     FILE: opened in the editor, relative to FOLDER
//
//   {"press": "F5", "until": "/the/file.txt", "seconds": 60}
//       presses keys and waits until there is such a file, or a dialog:
//       {"ran": true, "pressed": 1793212345678, "said": ["a dialog or a message"], "terminals": ["its lines"]}
//   {"picture": "/the/picture.png"}     what can be seen now: {}
const { createInterface } = require('readline');
const { existsSync, mkdtempSync, rmSync } = require('fs');
const { tmpdir } = require('os');
const { join } = require('path');
const { chromium } = require('playwright-core');

const [url, folder, file] = process.argv.slice(2);
const MESSAGES = '.monaco-dialog-box .dialog-message-container, .notification-list-item-message';
const DIALOG = '.monaco-dialog-box';
// A message may come a moment after the program that it is about.
const SETTLING = 1500;

async function open(profile) {
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    headless: true,
    viewport: { width: 1400, height: 900 },
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run'],
  });
  const page = browser.pages()[0] ?? (await browser.newPage());
  const opened = [['openFile', `vscode-remote://${new URL(url).host}${folder}/${file}`]];
  const query = new URLSearchParams({ folder, ...(file && { payload: JSON.stringify(opened) }) });
  await page.goto(`${url}/?${query}`, { timeout: 90_000 });
  await page.waitForSelector('.explorer-folders-view .monaco-list-row', { timeout: 90_000 });
  // Before the extensions are loaded, F5 only opens the debugger's view.
  while (!existsSync(process.env.AZUP_EDITOR_READY)) await page.waitForTimeout(100);
  return [browser, page];
}

async function press(page, { press, until, seconds }) {
  const said = new Set();
  const terminals = new Map();
  const look = async () => {
    for (const text of await page.$$eval(MESSAGES, (all) => all.map((one) => one.innerText)))
      // That it takes longer than ten seconds says something about the machine.
      if (!text.startsWith('Waiting for preLaunchTask')) said.add(text.replace(/\s+/g, ' ').trim());
    const shown = await page.$$eval('.xterm-rows', (all) =>
      all.map((one) => [...one.children].map((row) => row.textContent.replace(/\u00a0/g, ' ').trimEnd()).filter(Boolean).join('\n')),
    );
    // A terminal grows: its last state counts.
    for (const text of shown.filter(Boolean)) terminals.set(text.split('\n')[0], text);
  };
  // While there is a session, F5 continues it.
  await page.waitForSelector('.debug-toolbar', { state: 'hidden', timeout: 30_000 });
  const pressed = Date.now();
  await page.keyboard.press(press);
  const end = pressed + seconds * 1000;
  while (Date.now() < end && !existsSync(until)) {
    await page.waitForTimeout(100);
    await look();
    if (await page.$(DIALOG)) break;
  }
  const ran = existsSync(until);
  await page.waitForTimeout(SETTLING);
  await look();
  return { ran, pressed, said: [...said], terminals: [...terminals.values()] };
}

async function main() {
  const profile = mkdtempSync(join(tmpdir(), 'browser-'));
  const [browser, page] = await open(profile);
  console.log('{}');
  for await (const line of createInterface({ input: process.stdin })) {
    const wish = JSON.parse(line);
    if (wish.picture) await page.screenshot({ path: wish.picture });
    console.log(JSON.stringify(wish.press ? await press(page, wish) : {}));
  }
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
