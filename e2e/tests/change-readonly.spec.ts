//! A read-only server: the page offers no change, ignores the keys, and explains how to allow changes.

import { expect, test } from "../fixtures.ts";
import { expectOnDisk } from "../helpers/changes.ts";
import { expectAccessible, createSampleFiles, open, row } from "../helpers/page.ts";

test.use({ flags: ["--anonymous", "read"] });

test("no change is offered, and the page explains why", async ({ page, tree }) => {
  await createSampleFiles(tree);
  await open(page);
  await expect(page.locator(".sidebar")).toContainText("Read-only");
  await expect(page.locator(".sidebar")).toContainText("The administrator can allow changes");
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
