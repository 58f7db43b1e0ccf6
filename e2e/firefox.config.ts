//! Configuration of the tests in `firefox/`, which drive the system's Firefox by WebDriver BiDi.

import { defineConfig } from "@playwright/test";

import chromium from "./playwright.config.ts";

const { launchOptions: _, ...use } = chromium.use ?? {};

export default defineConfig(chromium, {
  testDir: "firefox",
  use: { ...use, browserName: "firefox", channel: "moz-firefox", launchOptions: { executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr" } },
});
