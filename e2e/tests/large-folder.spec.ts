//! A folder of 100,000 files: the first rows appear at once, both ends are reachable, and the focus is never lost.

import { closeSync, openSync } from "node:fs";

import { expect, test, type Tree } from "../fixtures.ts";
import { expectFocus, open, row } from "../helpers/page.ts";

const FILES = 100_000;

function fill(tree: Tree): void {
  for (let index = 0; index < FILES; index += 1) {
    closeSync(openSync(tree.at(`big/file ${index}.txt`), "w"));
  }
}

test("a list of 100,000 rows scrolls to both ends and keeps the focus", async ({ page, tree }) => {
  test.setTimeout(360_000);
  await tree.folder("big");
  fill(tree);
  await open(page, "big");
  await expect(row(page, "file 0.txt")).toBeVisible();
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", `${FILES + 1}`);
  expect(await page.locator(".row").count()).toBeLessThan(80);

  await page.keyboard.press("ArrowDown");
  await expectFocus(page, "file 0.txt");
  await expect(page.locator(".progress")).toHaveText("", { timeout: 60_000 });
  await page.keyboard.press("End");
  await expectFocus(page, `file ${FILES - 1}.txt`);
  await expect(row(page, `file ${FILES - 1}.txt`)).toBeInViewport();

  // The focused row stays in the document when it is scrolled out of sight, and the next key brings it back.
  await page.locator(".port").evaluate((port) => port.scrollTo(0, 0));
  await expect(row(page, "file 0.txt")).toBeInViewport();
  await expectFocus(page, `file ${FILES - 1}.txt`);
  await page.keyboard.press("ArrowUp");
  await expectFocus(page, `file ${FILES - 2}.txt`);
  await expect(row(page, `file ${FILES - 2}.txt`)).toBeInViewport();

  await page.keyboard.type("file 5000");
  await expectFocus(page, "file 5000.txt");
  await page.keyboard.press("Control+a");
  await expect(page.getByText("100,000 items selected").first()).toBeVisible();

  // Once scrolling rests, the rows are in document order, as a screen reader reads them.
  const inOrder = () =>
    page.locator(".row:not(.off)").evaluateAll((rows) => {
      const order = rows.map((it) => Number(it.getAttribute("aria-rowindex")));
      return order.every((row, index) => index === 0 || order[index - 1]! < row);
    });
  await expect.poll(inOrder).toBe(true);
});
