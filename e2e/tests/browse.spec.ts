//! Browsing: folders, sorting, filtering, history, and unusual names.

import { writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { expectFocus, createSampleFiles, names, open, row } from "../helpers/page.ts";

const ALL = ["Documents", "Empty", "Photos", "alpha.txt", "Bravo.txt", "éclair.txt", "file 2.txt", "file 10.txt"];

test.beforeEach(async ({ tree }) => createSampleFiles(tree));

test("folders come first and names are in natural order", async ({ page }) => {
  await open(page);
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "9");
  await expect.poll(() => names(page)).toEqual(ALL);
  await expect(row(page, "Bravo.txt")).toContainText("3.0 kB");
});

test("a double click opens a folder, and the breadcrumb leads back and focuses the folder left", async ({ page }) => {
  await open(page);
  await row(page, "Photos").dblclick();
  await expect(page).toHaveURL(/\?path=Photos$/);
  await expect(page).toHaveTitle("Photos – Passerelle");
  await row(page, "Été").dblclick();
  await expect(page).toHaveURL(/\?path=Photos\/%C3%89t%C3%A9$/);
  await expect.poll(() => names(page)).toEqual(["IMG_2.jpg", "IMG_10.jpg"]);
  const crumbs = page.getByRole("navigation", { name: "Path" });
  await expect(crumbs.locator("[aria-current=page]")).toHaveText("Été");
  await crumbs.getByRole("link", { name: "Photos" }).click();
  await expectFocus(page, "Été");
  await crumbs.getByRole("link").first().click();
  await expectFocus(page, "Photos");
});

test("Back and Forward restore the scroll position and the focus", async ({ page, tree }) => {
  for (let index = 0; index < 300; index += 1) {
    writeFileSync(tree.at(`Documents/entry ${index}.txt`), "");
  }
  await tree.write("Documents/zz folder/inside.txt", "");
  await open(page, "Documents");
  await page.locator(".port").evaluate((port) => port.scrollTo(0, 5_000));
  await row(page, "entry 140.txt").click();
  // The position is stored once scrolling and keys rest.
  await expect.poll(() => page.evaluate(() => history.state as string)).toContain("entry%20140.txt");
  await page.goto("./");
  await expect(row(page, "Documents")).toBeVisible();
  await page.goBack();
  await expect(row(page, "entry 140.txt")).toBeInViewport();
  await expect.poll(() => page.locator(".port").evaluate((port) => Math.abs(port.scrollTop - 5_000))).toBeLessThan(3);

  await page.getByRole("navigation", { name: "Path" }).getByRole("link").first().click();
  await expectFocus(page, "Documents");
  await page.goBack();
  await expectFocus(page, "entry 140.txt");
  await expect(row(page, "entry 140.txt")).toBeInViewport();
  await page.goForward();
  await expectFocus(page, "Documents");
});

test("the server sorts a folder, and each folder keeps its order", async ({ page }) => {
  await open(page);
  const header = (name: string) => page.getByRole("columnheader", { name });
  await expect(header("Name")).toHaveAttribute("aria-sort", "ascending");
  await page.getByRole("button", { name: "Size" }).click();
  await expect(header("Size")).toHaveAttribute("aria-sort", "descending");
  await expect.poll(async () => (await names(page)).slice(3, 5)).toEqual(["Bravo.txt", "éclair.txt"]);
  await page.getByRole("button", { name: "Modified" }).click();
  await expect.poll(async () => (await names(page)).slice(3)).toEqual(
    ["file 2.txt", "éclair.txt", "alpha.txt", "Bravo.txt", "file 10.txt"],
  );
  await row(page, "Documents").dblclick();
  await expect(header("Name")).toHaveAttribute("aria-sort", "ascending");
  await open(page);
  await expect(header("Modified")).toHaveAttribute("aria-sort", "descending");
  await expect.poll(async () => (await names(page))[3]).toBe("file 2.txt");
});

test("sorting keeps the selection", async ({ page }) => {
  await open(page);
  await row(page, "alpha.txt").click();
  await row(page, "file 10.txt").click({ modifiers: ["Control"] });
  await page.getByRole("button", { name: "Size" }).click();
  await expect.poll(async () => (await names(page))[3]).toBe("Bravo.txt");
  await expect(page.locator(".row.selected")).toHaveCount(2);
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
});

test("a refresh does not select again what was selected when the folder was sorted", async ({ page, tree }) => {
  await open(page);
  await row(page, "alpha.txt").click();
  await page.keyboard.press("Control+a");
  await page.getByRole("button", { name: "Size" }).click();
  await expect.poll(async () => (await names(page))[3]).toBe("Bravo.txt");
  await expect(row(page, "alpha.txt")).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Escape");
  await expect(page.locator(".row.selected")).toHaveCount(0);
  await tree.write("zzz.txt", "new");
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(row(page, "zzz.txt")).toBeVisible();
  await expect(page.locator(".progress")).toHaveText("");
  await expect(page.locator(".row.selected")).toHaveCount(0);
});

test("the filter ignores case and accents", async ({ page }) => {
  await open(page);
  await page.keyboard.press("Control+f");
  await page.keyboard.type("ECL");
  await expect.poll(() => names(page)).toEqual(["éclair.txt"]);
  await page.keyboard.press("ArrowDown");
  await expectFocus(page, "éclair.txt");
  await page.keyboard.press("Control+f");
  await page.keyboard.type("zzz");
  await expect(page.getByText("Nothing here matches")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect.poll(() => names(page)).toEqual(ALL);
});

test("a refresh shows changes by another program and keeps the focus", async ({ page, tree }) => {
  await open(page);
  await row(page, "alpha.txt").click();
  await writeFile(tree.at("aaa.txt"), "new");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(row(page, "aaa.txt")).toBeVisible();
  await expect(row(page, "alpha.txt")).toHaveAttribute("tabindex", "0");
});

test("unusual names are shown and opened, and never executed as markup", async ({ page, tree }) => {
  const plain = ["two  spaces and été.txt", "emoji 🎉.txt", "<img src=x onerror=alert(1)>.txt", "a&b?c#d%20.txt", "back\\slash.txt"];
  for (const name of plain) {
    await tree.write(`weird/${name}`, name);
  }
  await tree.write("weird/line\nfeed.txt", "");
  await tree.write("weird/a\u202egpj.exe", "");
  writeFileSync(Buffer.concat([Buffer.from(tree.at("weird/latin")), Buffer.from([0xe9]), Buffer.from(".txt")]), "latin");
  page.on("dialog", () => expect("a name").toBe("only a name"));
  await open(page, "weird");
  for (const name of [...plain, "line↵feed.txt", "a\ufffdgpj.exe", "latin\ufffd.txt"]) {
    await expect(row(page, name)).toBeVisible();
  }
  const address = (name: string) => row(page, name).getByRole("link").getAttribute("href");
  expect(await address("latin\ufffd.txt")).toContain("/files/weird/latin%E9.txt");
  for (const name of plain) {
    const answer = await page.request.get((await address(name))!);
    expect(await answer.text()).toBe(name);
  }
});

test("a file opens in a new tab, and a folder is a link with an address", async ({ page }) => {
  await open(page);
  const tab = page.waitForEvent("popup");
  await row(page, "alpha.txt").dblclick();
  await expect(await tab).toHaveURL(/\/files\/alpha\.txt$/);
  await expect(row(page, "Photos").getByRole("link")).toHaveAttribute("href", "?path=Photos");
});

test("a long path collapses in the middle, and its folders stay reachable", async ({ page, tree }) => {
  const deep = ["first level", "second level of many", "third level of many", "fourth level of many", "fifth level", "last"];
  await tree.write(`${deep.join("/")}/x.txt`, "");
  await page.setViewportSize({ width: 760, height: 700 });
  await open(page, deep.map(encodeURIComponent).join("/"));
  const crumbs = page.getByRole("navigation", { name: "Path" });
  await expect(crumbs.getByText("second level of many")).toBeHidden();
  await expect(crumbs.getByText("last", { exact: true })).toBeVisible();
  await crumbs.locator("summary").click();
  await crumbs.getByRole("link", { name: "second level of many" }).click();
  await expect(page).toHaveURL(/second%20level%20of%20many$/);
});
