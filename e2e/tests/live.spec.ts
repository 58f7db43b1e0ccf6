//! Live updates: the list follows the disk, and moves neither the focused row nor the rows in sight.

import { closeSync, openSync } from "node:fs";
import { rename, rm } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { holdChanges, menu, toast } from "../helpers/changes.ts";
import { expectFocus, createSampleFiles, names, open, row } from "../helpers/page.ts";

/** Waits until the server watches the folder that `act` opens. */
async function untilWatched(page: import("@playwright/test").Page, act: () => Promise<void>): Promise<void> {
  // At the first event, the page requests the first page of the listing once more.
  let times = 0;
  const ready = page.waitForResponse((response) => response.url().includes("/api/v1/list/") && ++times === 2);
  await act();
  await ready;
}

test.beforeEach(async ({ tree }) => createSampleFiles(tree));

test("another program's changes appear in order, and the focus stays", async ({ page, tree }) => {
  await untilWatched(page, () => open(page));
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

test("the user's own changes appear once", async ({ page }) => {
  await untilWatched(page, () => open(page));
  await menu(page, "alpha.txt", "Duplicate");
  await expect(toast(page)).toContainText("copied");
  await row(page, "Bravo.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("beta");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("is now");
  const expected = ["Documents", "Empty", "Photos", "alpha.txt", "alpha (2).txt", "beta.txt", "éclair.txt", "file 2.txt", "file 10.txt"];
  await expect.poll(async () => (await names(page)).sort()).toEqual([...expected].sort());
});

test("a folder that is removed is reported, with a link to its parent", async ({ page, tree, faults }) => {
  // It depends on the moment whether a request comes between the removal and the event.
  faults.allowFailedLoads(404);
  await untilWatched(page, () => open(page, "Documents"));
  await rm(tree.at("Documents"), { recursive: true });
  await expect(page.locator(".panel").getByRole("alert")).toContainText("We can’t find a folder at this address");
  await page.locator(".panel").getByRole("link").first().click();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await expect(row(page, "Documents")).toHaveCount(0);
});

test("changes made while the page was hidden appear when it is visible again", async ({ page, tree }) => {
  await untilWatched(page, () => open(page));
  const setVisibility = (state: string) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await setVisibility("hidden");
  await tree.write("meanwhile.txt", "1");
  await expect(row(page, "alpha.txt")).toBeVisible();
  await setVisibility("visible");
  await expect(row(page, "meanwhile.txt")).toBeVisible();
});

test("a failed event stream is reported in one line and reconnects by itself", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(503);
  await page.route("**/api/v1/events*", (route) => route.fulfill({ status: 503, body: "" }));
  await open(page);
  await expect(page.getByText("Live updates are paused. Use Refresh.")).toBeVisible({ timeout: 60_000 });
  await expect(row(page, "alpha.txt")).toBeVisible();
  await page.unroute("**/api/v1/events*");
  await expect(page.getByText("Live updates are paused. Use Refresh.")).toBeHidden({ timeout: 60_000 });
  await tree.write("back.txt", "1");
  await expect(row(page, "back.txt")).toBeVisible();
});

test("an event in a list of 100,000 rows does not move the rows in sight", async ({ page, tree }) => {
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

/** Holds back the events of the server until the test releases them. */
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
    /** Waits until that many events are held back. */
    count: (count: number) => expect.poll(() => run<number>("names()")).toBe(count),
    release: (count: number) => run<void>(`release(${count})`),
    end: () => run<void>("end()"),
  };
}

test("a late event about the user's own change takes neither focus nor selection", async ({ page, tree }) => {
  const events = await holdEvents(page);
  await untilWatched(page, () => open(page));
  await events.begin();
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("is now");
  // One event for the old name, and one for the new name.
  await events.count(2);
  await page.keyboard.press("Control+z");
  await expect(toast(page)).toContainText("Rename undone");
  await expectFocus(page, "alpha.txt");
  await events.count(4);
  // The events about the rename are older than the list; the event about another program's file comes after them.
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

test("events about an earlier change wait while a change runs", async ({ page, tree }) => {
  const events = await holdEvents(page);
  await untilWatched(page, () => open(page));
  await events.begin();
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("is now");
  await events.count(2);
  const release = await holdChanges(page);
  await page.keyboard.press("Control+z");
  await expectFocus(page, "alpha.txt");
  await tree.write("almond.txt", "new");
  await events.count(3);
  await events.end();
  await expect(row(page, "almond.txt")).toBeVisible();
  await expectFocus(page, "alpha.txt");
  await release();
  await expect(toast(page)).toContainText("Rename undone");
  await expectFocus(page, "alpha.txt");
  await expect(row(page, "zulu.txt")).toHaveCount(0);
});

test("another program's changes to entries that the user just changed appear", async ({ page, tree }) => {
  await untilWatched(page, () => open(page));
  await row(page, "alpha.txt").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("zulu");
  await page.keyboard.press("Enter");
  await expect(toast(page)).toContainText("is now");
  await tree.write("alpha.txt", "another");
  await expect(row(page, "alpha.txt")).toBeVisible();
  await rm(tree.at("alpha.txt"));
  await expect(row(page, "alpha.txt")).toHaveCount(0);
  await tree.write("zulu.txt", "x".repeat(2_500));
  await expect(row(page, "zulu.txt")).toContainText("2.5 kB");
  await rm(tree.at("zulu.txt"));
  await expect(row(page, "zulu.txt")).toHaveCount(0);
});
