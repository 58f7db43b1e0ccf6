//! Layout: nothing is wider than the window, in both languages and with large text; selecting moves no row; what a narrow
//! screen has to show.

import type { Locator, Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { expectOnDisk, toast } from "../helpers/changes.ts";
import { createSampleFiles, open, row } from "../helpers/page.ts";

const WIDTHS = [320, 390, 480, 600, 719, 720, 800, 900, 1024, 1199, 1200, 1280, 1440, 1600];
const LONG = "Annual report of the board with every appendix and the letters to the shareholders 2025.xlsx";

/** By how many pixels the page is wider than the window. */
async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - window.innerWidth);
}

/** Elements of the bars whose text or box is cut at the right edge of their bar. */
async function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const inside = [...document.querySelectorAll<HTMLElement>(".listbar, .topbar, .bottombar")].filter((bar) => bar.offsetWidth > 0);
    return inside.flatMap((bar) => {
      const right = bar.getBoundingClientRect().right + 0.5;
      return [...bar.querySelectorAll<HTMLElement>("button, a, input, .listbar-count > span")]
        .filter((it) => it.offsetWidth > 1 && it.getBoundingClientRect().right > right)
        .map((it) => `${bar.className}: ${it.textContent || it.tagName}`);
    });
  });
}

/** Waits until the rows and the width of the page stay as they are for three frames: the list follows the window in frames of its own. */
async function settled(page: Page, rows: string): Promise<void> {
  await page.evaluate(async (rows) => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const look = () => {
      const boxes = [...document.querySelectorAll(`${rows}, .listbar, .topbar, .bottombar`)].map((it) => it.getBoundingClientRect());
      return JSON.stringify([document.documentElement.scrollWidth, boxes]);
    };
    for (let [before, same] = ["", 0]; same < 3; ) {
      await frame();
      const now = look();
      same = now === before ? same + 1 : 0;
      before = now;
    }
  }, rows);
}

async function enlargeText(page: Page, percent: number): Promise<void> {
  await page.evaluate((percent) => (document.documentElement.style.fontSize = `${percent}%`), percent);
}

/** The top edges of the first rows in sight, by name. */
async function tops(page: Page, rows: string): Promise<Record<string, number>> {
  await settled(page, rows);
  return page.evaluate((rows) => {
    const found = [...document.querySelectorAll<HTMLElement>(`${rows}:not(.off):not(.head-line)`)];
    // Elements are reused: their order is that of the rows only some frames later.
    found.sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top);
    return Object.fromEntries(found.slice(0, 3).map((it) => [it.querySelector(".name")?.textContent, Math.round(it.getBoundingClientRect().top)]));
  }, rows);
}

for (const locale of ["en-US", "fr-FR"]) {
  for (const percent of [100, 200]) {
    test.describe(`${locale}, text at ${percent} %`, () => {
      test.use({ locale });

      test("nothing is wider than the window, and selecting moves no row", async ({ page, tree }) => {
        test.slow();
        await createSampleFiles(tree);
        await tree.write(LONG, "x");
        await open(page);
        await row(page, "alpha.txt").click();
        // Pasting has a button of its own.
        await page.keyboard.press("Control+c");
        await page.keyboard.press("Escape");
        await enlargeText(page, percent);
        const found: unknown[] = [];
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 800 });
          await expect.poll(() => page.locator(".row:not(.off)").count()).toBeGreaterThan(1);
          const before = await tops(page, ".row");
          const wide = [await overflow(page), ...(await cutOff(page))];
          await page.keyboard.press("Control+a");
          await expect(page.locator(".row.selected").first()).toBeVisible();
          const after = await tops(page, ".row");
          wide.push(await overflow(page), ...(await cutOff(page)));
          await page.keyboard.press("Escape");
          if (wide.some((it) => it !== 0 && !(typeof it === "number" && it < 0)) || JSON.stringify(before) !== JSON.stringify(after)) {
            found.push({ width, wide, before, after });
          }
        }
        expect(found).toEqual([]);
      });

      test("neither is the trash", async ({ page, tree }) => {
        await createSampleFiles(tree);
        await open(page);
        await row(page, "alpha.txt").click();
        await page.keyboard.press("Delete");
        await expectOnDisk(tree, "alpha.txt", false);
        await page.goto("./?view=trash");
        await enlargeText(page, percent);
        const found: unknown[] = [];
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 800 });
          const entry = page.locator(".trash-row").filter({ hasText: "alpha.txt" });
          await expect(entry).toBeVisible();
          const before = await tops(page, ".trash-row");
          const wide = [await overflow(page), ...(await cutOff(page))];
          await entry.getByRole("checkbox").click();
          const after = await tops(page, ".trash-row");
          wide.push(await overflow(page), ...(await cutOff(page)));
          await entry.getByRole("checkbox").click();
          if (wide.some((it) => it !== 0) || JSON.stringify(before) !== JSON.stringify(after)) {
            found.push({ width, wide, before, after });
          }
        }
        expect(found).toEqual([]);
      });
    });
  }
}

test("a long name keeps its extension, and a folder is called one", async ({ page, tree }) => {
  await tree.write(LONG, "x");
  await tree.write("Photos/a.jpg", "x");
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page);
  const extension = page.locator(".row .extension").filter({ hasText: ".xlsx" });
  await expect(extension).toBeVisible();
  const [name, end] = await Promise.all([page.locator(".row .name").filter({ hasText: LONG }).boundingBox(), extension.boundingBox()]);
  expect(end!.x + end!.width).toBeLessThanOrEqual(name!.x + name!.width + 0.5);
  await expect(page.getByRole("row", { name: /Photos.*Folder/ })).toHaveCount(1);
  await expect(page.getByRole("link", { name: LONG })).toHaveCount(1);
});

test.describe("a phone", () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

  test("selects everything by a button", async ({ page, tree }) => {
    await createSampleFiles(tree);
    await open(page);
    await row(page, "alpha.txt").getByRole("checkbox").tap();
    await page.locator(".bottombar").getByRole("button", { name: "Select all" }).tap();
    await expect(page.locator(".row:not(.off):not(.selected)")).toHaveCount(0);
    await page.locator(".bottombar").getByRole("button", { name: "Clear selection" }).tap();
    await expect(page.locator(".row.selected")).toHaveCount(0);
  });

  test("a message stands above the buttons of the selection, and names a button instead of keys", async ({ page, tree }) => {
    await createSampleFiles(tree);
    await open(page);
    await row(page, "alpha.txt").getByRole("checkbox").tap();
    await page.locator(".bottombar").getByRole("button", { name: "More" }).tap();
    await page.getByRole("menuitem", { name: "Copy", exact: true }).tap();
    await expect(toast(page)).toContainText("Copied. Open a folder and tap Paste.");
    const bottom = (locator: Locator) => locator.evaluate((it) => it.getBoundingClientRect().bottom);
    const top = await page.locator(".bottombar").evaluate((it) => it.getBoundingClientRect().top);
    expect(await bottom(toast(page))).toBeLessThanOrEqual(top);
    const heightBefore = await page.locator(".bottombar").evaluate((it) => it.clientHeight);
    await page.locator(".bottombar").getByRole("button", { name: "Clear selection" }).tap();
    // The bar is lower now, and the message follows it.
    await expect.poll(() => page.locator(".bottombar").evaluate((it) => it.clientHeight)).toBeLessThan(heightBefore);
    await expect.poll(() => bottom(toast(page))).toBeGreaterThan(top);
    await expect(page.locator(".listbar").getByText("Paste", { exact: true })).toBeVisible();
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await cutOff(page)).toEqual([]);
  });

  test.describe("on a read-only server", () => {
    test.use({ flags: ["--anonymous", "read"] });

    test("says so", async ({ page, tree }) => {
      await createSampleFiles(tree);
      await open(page);
      await expect(page.locator(".read-only-mark")).toBeVisible();
    });
  });
});

test("the folders of the sidebar are sorted by name, and the trash stays in sight", async ({ page, tree }) => {
  for (let folder = 0; folder < 40; folder += 1) {
    await tree.write(`Folder ${folder}/a.txt`, "x".repeat(folder));
  }
  await page.setViewportSize({ width: 1280, height: 700 });
  await open(page);
  await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
  await expect(page.locator(".row").first()).toBeVisible();
  await expect(page.locator(".sidebar-nav li").nth(1)).toHaveText("Folder 0");
  await expect(page.locator(".sidebar-nav li").nth(10)).toHaveText("Folder 9");
  await expect(page.locator(".sidebar").getByRole("link", { name: "Trash" })).toBeInViewport({ ratio: 1 });
});

test("the number of rows that have arrived is not cut off", async ({ page, tree }) => {
  await Promise.all(Array.from({ length: 3_000 }, (_, file) => tree.write(`file ${file}`, "")));
  await page.setViewportSize({ width: 900, height: 700 });
  // The rows after the first page never arrive.
  await page.route(/\/api\/v1\/list.*cursor/, () => undefined);
  await open(page);
  const progress = page.locator(".listbar .progress");
  await expect(progress).toContainText("loaded");
  expect(await progress.evaluate((it) => it.scrollWidth - it.clientWidth)).toBeLessThanOrEqual(0);
  expect(await cutOff(page)).toEqual([]);
});
