//! Configuration of the end-to-end tests, which run in the headless shell of the system's Chromium: the same engine without
//! the code of windows, for two thirds of the processor time.

import { defineConfig } from "@playwright/test";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";

const usual = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];
const chromium = process.env.CHROME ?? usual.find(existsSync);
if (chromium === undefined || !existsSync(chromium)) {
  throw new Error(`There is no Chromium at ${chromium ?? usual}: set CHROME to its path, or install the package chromium.`);
}

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  // Each test has its own server, so tests can run concurrently.
  fullyParallel: true,
  workers: Math.max(2, availableParallelism()),
  // A retry would hide a failure that users meet.
  retries: 0,
  forbidOnly: process.env.CI === "true",
  // Generous, for slow machines: no test is about time.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list"], ["./reporter.ts"]],
  use: {
    browserName: "chromium",
    headless: true,
    viewport: { width: 1280, height: 800 },
    locale: "en-US",
    screenshot: "only-on-failure",
    // `TRACE=1` keeps a trace of each test that fails: to record them is a sixth of the suite's work.
    trace: process.env.TRACE === undefined ? "off" : "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      // Without these, Chromium refuses to run as root, or contacts hosts of its vendor.
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
