//! Configuration of the tests in `browsers/`: the main paths in the system's Firefox, driven by WebDriver BiDi, and in the
//! whole Chromium, where the tests in `tests/` run in its headless shell.

import { defineConfig } from "@playwright/test";

import headless from "./playwright.config.ts";

const { launchOptions, ...use } = headless.use ?? {};

export default defineConfig(headless, {
  testDir: "browsers",
  use,
  projects: [
    {
      name: "firefox",
      use: { browserName: "firefox", channel: "moz-firefox", launchOptions: { executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr" } },
    },
    { name: "chromium", use: { launchOptions: { ...launchOptions, executablePath: process.env.CHROME ?? "/usr/bin/chromium" } } },
  ],
});
