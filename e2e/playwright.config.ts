//! How the end-to-end tests run: the system's Chromium, one server and one folder for each test.

import { defineConfig } from "@playwright/test";
import { existsSync } from "node:fs";

const chromium = process.env.CHROME ?? "/usr/bin/chromium";
if (!existsSync(chromium)) {
  throw new Error(`There is no Chromium at ${chromium}; set CHROME to where it is, or install the package chromium.`);
}

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  // Each test has a server of its own, so they may run side by side.
  fullyParallel: true,
  workers: 2,
  // A test that passes at the second try hides what a person will meet at the first.
  retries: 0,
  forbidOnly: process.env.CI === "true",
  // Enough for a machine several times slower than a desk's: no test is about time.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list"], ["./reporter.ts"]],
  use: {
    browserName: "chromium",
    headless: true,
    viewport: { width: 1280, height: 800 },
    locale: "en-US",
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      // Without these, Chromium refuses to run as root or spends the test looking for its maker's hosts.
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
