//! Selections of thousands: the page stays responsive, rows leave as the server confirms, and one undo restores all.

import { readdirSync } from "node:fs";
import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { toast } from "../helpers/changes.ts";
import { download, open, row } from "../helpers/page.ts";

/** More than the three requests of which two are sent before one of them is answered. */
const COUNT = 3_100;
/** For a slow disk. */
const SLOW = { timeout: 90_000 };

test.describe.configure({ timeout: 240_000 });

test.beforeEach(async ({ tree, page }) => {
  const names = Array.from({ length: COUNT }, (_, index) => `many/file ${String(index).padStart(5, "0")}.txt`);
  await tree.folder("many");
  await Promise.all(names.map((name) => tree.write(name, name)));
  await open(page, "many");
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", String(COUNT + 1));
  await expect(page.getByRole("button", { name: "New folder" }).first()).toBeAttached();
});

const rowCount = async (page: Page) => Number((await page.getByRole("grid").getAttribute("aria-rowcount")) ?? 1) - 1;

/** Holds every request for a change but the first `passed` until `release`; `held` counts them. */
async function holdAfter(page: Page, passed: number): Promise<{ release: () => void; held: () => number }> {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let count = 0;
  await page.route("**/api/v1/changes", async (route) => {
    count += route.request().method() === "POST" ? 1 : 0;
    if (route.request().method() === "POST" && count > passed) {
      await held;
    }
    await route.continue();
  });
  return { release, held: () => Math.max(0, count - passed) };
}

test("rows leave as the server confirms, with progress and Cancel in reach, and one undo restores all", async ({ page, tree }) => {
  const { release, held } = await holdAfter(page, 1);
  await row(page, "file 00000.txt").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  const card = page.locator(".task");
  await expect(card).toContainText("Moving 3,100 items to the trash");
  // One request has ended; its rows are gone, and the others are still there.
  await expect.poll(() => rowCount(page), SLOW).toBeLessThan(COUNT);
  expect(await rowCount(page)).toBeGreaterThan(COUNT / 2);
  await expect(page.locator(".row[aria-selected=true]")).toHaveCount(0);
  await expect(card.locator(".task-detail")).toContainText(/1,000 of 3,100/);
  await expect.poll(held).toBe(2);
  // A message of another action does not cover the button.
  await page.keyboard.press("Control+c");
  await expect(toast(page).first()).toBeVisible();
  await card.getByRole("button", { name: "Cancel" }).click({ trial: true });
  release();
  await expect(toast(page)).toContainText("3,100 items moved to trash", SLOW);
  expect(readdirSync(tree.at("many"))).toEqual([]);
  await page.getByRole("button", { name: "Undo" }).first().click();
  await expect(card).toContainText("Restoring 3,100 items");
  await expect.poll(() => readdirSync(tree.at("many")).length, SLOW).toBe(COUNT);
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", String(COUNT + 1));
});

test("Cancel keeps the rest, and its message offers to undo the part that was done", async ({ page, tree, faults }) => {
  // The request that is held has no job yet.
  faults.expectFailedLoads(404);
  const { release } = await holdAfter(page, 1);
  await row(page, "file 00000.txt").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect.poll(() => rowCount(page), SLOW).toBeLessThan(COUNT);
  await page.locator(".task").getByRole("button", { name: "Cancel" }).click();
  release();
  await expect(toast(page)).toContainText(/\d items moved to trash/, SLOW);
  expect(readdirSync(tree.at("many")).length).toBeGreaterThan(0);
  await toast(page).getByRole("button", { name: "Undo" }).click();
  await expect.poll(() => readdirSync(tree.at("many")).length, SLOW).toBe(COUNT);
});

test("Cancel also stops a request that arrives after it", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(404);
  const { release, held } = await holdAfter(page, 1);
  await row(page, "file 00000.txt").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await expect.poll(() => rowCount(page), SLOW).toBeLessThan(COUNT);
  await expect.poll(held).toBe(2);
  let tries = 0;
  const refused = new Set<string>();
  page.on("response", (response) => {
    if (response.request().method() === "DELETE" && response.status() === 404) {
      tries += 1;
      refused.add(response.url());
    }
  });
  await page.locator(".task").getByRole("button", { name: "Cancel" }).click();
  await expect.poll(() => refused.size).toBe(2);
  await expect.poll(() => tries).toBeGreaterThan(4);
  release();
  await expect(page.locator(".task")).toHaveCount(0, SLOW);
  await expect(toast(page)).toContainText(/\d items moved to trash/, SLOW);
  expect(readdirSync(tree.at("many")).length).toBeGreaterThan(0);
});

test("all files but two are downloaded by naming the two", async ({ page }) => {
  await row(page, "file 00000.txt").click();
  await page.keyboard.press("Control+a");
  await row(page, "file 00000.txt").click({ modifiers: ["Control"] });
  await row(page, "file 00001.txt").click({ modifiers: ["Control"] });
  let request = "";
  page.on("request", (sent) => (request = sent.url().includes("/api/v1/archive") ? sent.url() : request));
  const { name, data } = await download(page, () => page.locator(".selection").getByRole("button", { name: "Download" }).click());
  expect(name).toBe("many.zip");
  expect(request).toContain("except=");
  expect(data.includes("file 00001.txt")).toBe(false);
  expect(data.includes("file 00002.txt") && data.includes("file 01049.txt")).toBe(true);
});
