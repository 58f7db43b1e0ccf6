//! Helpers of the tests: the rows of the list, the focus, accessibility, downloads, sample files.

import { AxeBuilder } from "@axe-core/playwright";
import { utimes } from "node:fs/promises";
import type { Locator, Page } from "@playwright/test";

import { expect, type Tree } from "../fixtures.ts";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** The row with that name. */
export function row(page: Page, name: string): Locator {
  return page.locator(".row").filter({ has: page.locator(".name").getByText(name, { exact: true }) });
}

/** The rendered names, from top to bottom. */
export async function names(page: Page): Promise<string[]> {
  const rows = await page.locator(".row:not(.off)").evaluateAll((rows) =>
    rows.map((row) => ({
      at: Number(row.getAttribute("aria-rowindex")),
      name: row.querySelector(".name")?.textContent ?? "",
    })),
  );
  return rows.sort((one, other) => one.at - other.at).map(({ name }) => name);
}

/** Opens a folder by its address, and waits until the page handles keys. */
export async function open(page: Page, path = ""): Promise<void> {
  await page.goto(path === "" ? "./" : `./?path=${path}`);
  await page.locator("#main").waitFor({ state: "attached" });
}

/** Expects that row to have the focus. */
export async function expectFocus(page: Page, name: string): Promise<void> {
  await expect(row(page, name)).toBeFocused();
}

/** Waits for the end of all finite animations, because colours during a fade have other contrasts. */
export async function animationsEnded(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    document.getAnimations().every((it) => it.playState !== "running" || it.effect?.getComputedTiming().endTime === Infinity),
  );
}

/** Runs a check in the light theme, then in the dark one, in which the page stays. */
export async function inEachTheme(page: Page, check: (theme: "light" | "dark") => Promise<void>): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await animationsEnded(page);
    await check(colorScheme);
  }
}

/** Expects axe to report no violation. */
export async function expectAccessible(page: Page): Promise<void> {
  await animationsEnded(page);
  // Details of the rules that are kept take longer than the rules. The legacy mode needs no second page to combine the
  // results of frames; the page has no frames.
  const axe = new AxeBuilder({ page }).options({ resultTypes: ["violations"] }).withTags(RULES).setLegacyMode();
  const { violations } = await axe.analyze();
  const findings = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}`));
  expect(findings).toEqual([]);
}

/** Runs an action that downloads a file, and returns the file. */
export async function download(page: Page, act: () => Promise<void>): Promise<{ name: string; data: Buffer }> {
  const downloading = page.waitForEvent("download");
  await act();
  const file = await downloading;
  const pieces: Buffer[] = [];
  for await (const piece of await file.createReadStream()) {
    pieces.push(piece as Buffer);
  }
  return { name: file.suggestedFilename(), data: Buffer.concat(pieces) };
}

/** Creates some folders and files for many tests. */
export async function createSampleFiles(tree: Tree): Promise<void> {
  await tree.write("Documents/Budget.ods", "x".repeat(2_000));
  await tree.write("Documents/Letter.odt", "Dear all,\n");
  await tree.folder("Empty");
  await tree.write("Photos/Été/IMG_2.jpg", "two");
  await tree.write("Photos/Été/IMG_10.jpg", "ten");
  await tree.write("alpha.txt", "a".repeat(10));
  await tree.write("Bravo.txt", "b".repeat(3_000));
  await tree.write("éclair.txt", "e".repeat(500));
  await tree.write("file 2.txt", "2");
  await tree.write("file 10.txt", "10");
  const age = (name: string, seconds: number) => utimes(tree.at(name), 1_600_000_000, 1_600_000_000 - seconds);
  await Promise.all(["file 2.txt", "éclair.txt", "alpha.txt", "Bravo.txt", "file 10.txt"].map((name, index) => age(name, index * 1_000)));
}
