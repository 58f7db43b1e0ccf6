//! Dialogs and messages about changes, in both languages and both themes, at desktop and phone width: axe reports no
//! violation, and nothing is wider than the window. `PASSERELLE_E2E_PICTURES=folder` saves screenshots.

import { join } from "node:path";
import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { expectAccessible, createSampleFiles, inEachTheme, open, row } from "../helpers/page.ts";

const SCREENS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
/** Folder for screenshots; without it, none are taken. */
const PICTURES = process.env.PASSERELLE_E2E_PICTURES;

type Inspect = (what: string) => Promise<void>;

for (const locale of ["en-US", "fr-FR"]) {
  for (const [name, viewport] of Object.entries(SCREENS)) {
    test.describe(`changing files: ${locale}, ${name}`, () => {
      test.use({ locale, viewport, contextOptions: { reducedMotion: "reduce" } });

      const inspect = (page: Page): Inspect => (what) =>
        inEachTheme(page, async (theme) => {
          if (PICTURES !== undefined) {
            await page.screenshot({ path: join(PICTURES, `${what}-${name}-${theme}-${locale.slice(0, 2)}.png`) });
          }
          const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          expect(wider, `${what} is wider than the window`).toBeLessThanOrEqual(0);
          await expectAccessible(page);
        });

      test.beforeEach(async ({ tree, page }) => {
        await createSampleFiles(tree);
        await tree.write("Documents/alpha.txt", "the other one");
        await open(page);
        await expect(row(page, "alpha.txt")).toBeVisible();
        await expect(page.getByRole("link", { name: /^(Trash|Corbeille)$/ }).first()).toBeAttached();
      });

      test("name field, menu and dialogs", async ({ page }) => inspectDialogs(page, inspect(page)));
      test("task card, message and trash", async ({ page }) => inspectMessages(page, inspect(page)));
    });
  }
}

async function inspectDialogs(page: Page, inspect: Inspect): Promise<void> {
  await row(page, "alpha.txt").focus();
  await page.keyboard.press("F2");
  await expect(page.locator(".name-field input")).toBeFocused();
  await page.keyboard.type("a/b");
  await inspect("rename");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^(New folder|Nouveau dossier)$/ }).filter({ visible: true }).first().click();
  await expect(page.getByRole("dialog").getByRole("textbox")).toBeFocused();
  await inspect("new-folder");
  await page.keyboard.press("Escape");
  await row(page, "alpha.txt").getByRole("checkbox").click();
  await row(page, "Bravo.txt").getByRole("checkbox").click();
  await inspect("selection");
  await row(page, "alpha.txt").click({ button: "right" });
  await expect(page.getByRole("menuitem").first()).toBeFocused();
  await inspect("menu");
  await page.getByRole("menuitem", { name: /^(Move to…|Déplacer vers…)$/ }).click();
  await expect(page.getByRole("dialog").getByRole("button", { name: "Photos" })).toBeVisible();
  await inspect("move-to");
  await page.keyboard.press("Escape");
  await row(page, "alpha.txt").focus();
  await page.keyboard.press("Shift+Delete");
  await expect(page.getByRole("dialog")).toBeVisible();
  await inspect("delete-forever");
  await page.keyboard.press("Escape");
  await row(page, "alpha.txt").focus();
  await page.keyboard.press("Control+c");
  await page.keyboard.press("Escape");
  await row(page, "Documents").focus();
  await page.keyboard.press("Enter");
  await expect(row(page, "Budget.ods")).toBeVisible();
  await page.keyboard.press("Control+v");
  await expect(page.getByRole("dialog")).toBeVisible();
  await inspect("conflict");
}

async function inspectMessages(page: Page, inspect: Inspect): Promise<void> {
  const failed = { result: "failed", code: "no_space", message: "full" };
  const progress = { entries: 0, entries_total: 2, bytes: 0, bytes_total: 0 };
  const job = { id: "0".repeat(32), state: "done", version: 1, progress, outcomes: [failed, failed] };
  await page.route("**/api/v1/changes", (route) => route.fulfill({ json: job }), { times: 1 });
  await row(page, "alpha.txt").getByRole("checkbox").click();
  await row(page, "Bravo.txt").getByRole("checkbox").click();
  await page.keyboard.press("Delete");
  await expect(page.locator(".task.failed")).toBeVisible();
  await inspect("failed");
  await page.locator(".task.failed").getByRole("button").first().click();
  await expect(row(page, "alpha.txt")).toHaveCount(0);
  // A message under the pointer stays.
  await page.locator(".toast").hover();
  await inspect("toast");
  await page.getByRole("link", { name: /^(Trash|Corbeille)$/ }).filter({ visible: true }).first().click();
  await page.locator(".trash-row", { hasText: "alpha.txt" }).click();
  await inspect("trash");
}
