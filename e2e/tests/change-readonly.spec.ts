//! A server that takes no changes: nothing is offered, no key does anything, and the page says how to change that.

import { expect, test } from "../fixtures.ts";
import { expectOnDisk } from "./changing.ts";
import { expectAccessible, furnish, open, row } from "./page.ts";

test.use({ flags: ["--anonymous", "read"] });

test("nothing is offered, and the reason is said", async ({ page, tree }) => {
  await furnish(tree);
  await open(page);
  await expect(page.locator(".sidebar")).toContainText("Read-only");
  await expect(page.locator(".sidebar")).toContainText("--anonymous write");
  await expect(page.getByRole("button", { name: "New folder" })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Trash" })).toHaveCount(0);
  await row(page, "alpha.txt").click();
  await expect(page.getByRole("button", { name: "Move to trash" })).toHaveCount(0);
  for (const key of ["F2", "Delete", "Shift+Delete", "Control+x", "Control+z"]) {
    await page.keyboard.press(key);
  }
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByRole("textbox", { name: "New name" })).toHaveCount(0);
  await expectOnDisk(tree, "alpha.txt");
  await row(page, "alpha.txt").click({ button: "right" });
  await expect(page.getByRole("menuitem")).toHaveText(["Open", "Download"]);
  await expectAccessible(page);
});
