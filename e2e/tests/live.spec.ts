//! Live updates: what happens on the disk shows by itself, and moves neither the focused row nor what is being read.

import { closeSync, openSync } from "node:fs";
import { rename, rm } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { holdChanges, menu, toast } from "./changing.ts";
import { expectFocus, furnish, names, open, row } from "./page.ts";

/** The page hears of a folder from the moment that the server says so. */
async function watched(page: import("@playwright/test").Page, act: () => Promise<void>): Promise<void> {
  // What the first event brings is a look whether the folder is still the same: its first page, once more.
  let times = 0;
  const ready = page.waitForResponse((response) => response.url().includes("/api/v1/list/") && ++times === 2);
  await act();
  await ready;
}

test.beforeEach(async ({ tree }) => furnish(tree));

test("what others do shows by itself, in its place, and the focus stays", async ({ page, tree }) => {
  await watched(page, () => open(page));
  await row(page, "Bravo.txt").click();
  await expectFocus(page, "Bravo.txt");
  const at = await row(page, "Bravo.txt").boundingBox();
  await tree.write("almond.txt", "new");
  await expect(row(page, "almond.txt")).toBeVisible();
  await expectFocus(page, "Bravo.txt");
  await expect(row(page, "Bravo.txt")).toHaveAttribute("aria-selected", "true");
  await tree.write("alpha.txt", "x".repeat(2_500));
  await expect(row(page, "alpha.txt")).toContainText("2.5 kB");
  await rename(tree.at("file 2.txt"), tree.at("file 3.txt"));
  await expect(row(page, "file 3.txt")).toBeVisible();
  await expect(row(page, "file 2.txt")).toHaveCount(0);
  await rm(tree.at("almond.txt"));
  await expect(row(page, "almond.txt")).toHaveCount(0);
  await expectFocus(page, "Bravo.txt");
  expect(await row(page, "Bravo.txt").boundingBox()).toEqual(at);
  expect(await names(page)).toEqual(["Documents", "Empty", "Photos", "alpha.txt", "Bravo.txt", "éclair.txt", "file 3.txt", "file 10.txt"]);
});

test("one's own changes are not doubled", async ({ page }) => {
  await watched(page, () => open(page));
  await menu(page, "alpha.txt", "Duplicate");
  await expect(toast(page)).toContainText("copied");
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("beta");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("renamed");
  const expected = ["Documents", "Empty", "Photos", "alpha.txt", "alpha (2).txt", "beta.txt", "éclair.txt", "file 2.txt", "file 10.txt"];
  await expect.poll(async () => (await names(page)).sort()).toEqual([...expected].sort());
});

test("a folder that goes away says so, with a way up", async ({ page, tree }) => {
  await watched(page, () => open(page, "Documents"));
  await rm(tree.at("Documents"), { recursive: true });
  await expect(page.locator(".panel").getByRole("alert")).toContainText("There is nothing here");
  await page.locator(".panel").getByRole("link").first().click();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(row(page, "Documents")).toHaveCount(0);
});

test("what happened while nobody looked is there when somebody looks again", async ({ page, tree }) => {
  await watched(page, () => open(page));
  const look = (state: string) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await look("hidden");
  await tree.write("meanwhile.txt", "1");
  await expect(row(page, "alpha.txt")).toBeVisible();
  await look("visible");
  await expect(row(page, "meanwhile.txt")).toBeVisible();
});

test("a stream that fails is a small word, and comes back by itself", async ({ page, tree }) => {
  await page.route("**/api/v1/events*", (route) => route.fulfill({ status: 503, body: "" }));
  await open(page);
  await expect(page.getByText("Changes by others do not appear by themselves")).toBeVisible({ timeout: 60_000 });
  await expect(row(page, "alpha.txt")).toBeVisible();
  await page.unroute("**/api/v1/events*");
  await expect(page.getByText("Changes by others do not appear by themselves")).toBeHidden({ timeout: 60_000 });
  await tree.write("back.txt", "1");
  await expect(row(page, "back.txt")).toBeVisible();
});

test("a hundred thousand rows take an event in, and stay where they are", async ({ page, tree }) => {
  test.setTimeout(360_000);
  await tree.folder("big");
  for (let index = 0; index < 100_000; index += 1) {
    closeSync(openSync(tree.at(`big/file ${index}.txt`), "w"));
  }
  await open(page, "big");
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "100001");
  await expect(page.locator(".progress")).toHaveText("", { timeout: 60_000 });
  await row(page, "file 3.txt").click();
  await page.keyboard.type("file 5000");
  await expectFocus(page, "file 5000.txt");
  const at = await row(page, "file 5000.txt").boundingBox();
  await tree.write("big/a first one.txt", "1");
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "100002", { timeout: 60_000 });
  await expectFocus(page, "file 5000.txt");
  expect(await row(page, "file 5000.txt").boundingBox()).toEqual(at);
  await page.keyboard.press("ArrowDown");
  await expectFocus(page, "file 5001.txt");
});

/** Holds back what the server tells of a folder, until it is let through. */
async function holdEvents(page: import("@playwright/test").Page) {
  await page.addInitScript(() => {
    const held: (() => void)[] = [];
    let holding = false;
    const hold = {
      begin: () => void (holding = true),
      names: () => held.length,
      release: (count: number) => held.splice(0, count).forEach((tell) => tell()),
      end: () => {
        holding = false;
        hold.release(held.length);
      },
    };
    Object.assign(window, {
      hold,
      EventSource: class extends EventSource {
        set onmessage(take: (event: MessageEvent) => void) {
          super.onmessage = (event) => (holding ? held.push(() => take(event)) : take(event));
        }
      },
    });
  });
  const run = <T>(act: string) => page.evaluate<T>(`hold.${act}`);
  return {
    begin: () => run<void>("begin()"),
    /** Waits until so many are held back. */
    count: (count: number) => expect.poll(() => run<number>("names()")).toBe(count),
    release: (count: number) => run<void>(`release(${count})`),
    end: () => run<void>("end()"),
  };
}

test("what is told late of one's own change takes neither the focus nor the selection", async ({ page, tree }) => {
  const events = await holdEvents(page);
  await watched(page, () => open(page));
  await events.begin();
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("renamed");
  // One is gone, the other is there.
  await events.count(2);
  await page.keyboard.press("Control+z");
  await expect(toast(page)).toContainText("Undone");
  await expectFocus(page, "alpha.txt");
  await events.count(4);
  // What is told of the rename is older than what the list shows. What others do comes after it.
  await tree.write("almond.txt", "new");
  await events.count(5);
  const looks: string[] = [];
  page.on("request", (request) => request.url().includes("/api/v1/stat/") && looks.push(request.url()));
  await events.release(2);
  await expect.poll(() => looks.length).toBe(2);
  await expectFocus(page, "alpha.txt");
  await events.end();
  await expect(row(page, "almond.txt")).toBeVisible();
  await expectFocus(page, "alpha.txt");
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
  await expect(row(page, "zulu.txt")).toHaveCount(0);
});

test("while a change is under way, what is told of the one before it waits", async ({ page, tree }) => {
  const events = await holdEvents(page);
  await watched(page, () => open(page));
  await events.begin();
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("renamed");
  await events.count(2);
  const letThrough = await holdChanges(page);
  await page.keyboard.press("Control+z");
  await expectFocus(page, "alpha.txt");
  await tree.write("almond.txt", "new");
  await events.count(3);
  await events.end();
  await expect(row(page, "almond.txt")).toBeVisible();
  await expectFocus(page, "alpha.txt");
  await letThrough();
  await expect(toast(page)).toContainText("Undone");
  await expectFocus(page, "alpha.txt");
  await expect(row(page, "zulu.txt")).toHaveCount(0);
});

test("what others do to what one has just changed shows as well", async ({ page, tree }) => {
  await watched(page, () => open(page));
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("renamed");
  await tree.write("alpha.txt", "another");
  await expect(row(page, "alpha.txt")).toBeVisible();
  await rm(tree.at("alpha.txt"));
  await expect(row(page, "alpha.txt")).toHaveCount(0);
  await tree.write("zulu.txt", "x".repeat(2_500));
  await expect(row(page, "zulu.txt")).toContainText("2.5 kB");
  await rm(tree.at("zulu.txt"));
  await expect(row(page, "zulu.txt")).toHaveCount(0);
});
