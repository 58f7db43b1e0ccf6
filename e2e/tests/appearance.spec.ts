//! Language, theme and accessibility: axe reports no violation on any screen, in both languages and both themes.

import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { expectAccessible, createSampleFiles, inEachTheme, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree }) => createSampleFiles(tree));

const SCREENS = { desktop: { width: 1280, height: 800 }, medium: { width: 900, height: 700 }, phone: { width: 390, height: 844 } };

for (const locale of ["en-US", "fr-FR"]) {
  for (const [name, viewport] of Object.entries(SCREENS)) {
    const phone = name === "phone";
    test.describe(`${locale}, ${name}`, () => {
      test.use({ locale, viewport, hasTouch: phone });
      test("axe reports no violation in either theme", async ({ page, faults }) => {
        // One of the screens is that of a folder that does not exist.
        faults.expectFailedLoads(404);
        await everyScreen(page, phone);
      });
    });
  }
}

async function everyScreen(page: Page, phone: boolean): Promise<void> {
  const inspect = () => inEachTheme(page, () => expectAccessible(page));
  await open(page);
  await expect(row(page, "alpha.txt")).toBeVisible();
  await inspect();
  await row(page, "alpha.txt").getByRole("checkbox").click();
  await inspect();
  await open(page, "Empty");
  await expect(page.locator(".panel")).toBeVisible();
  await inspect();
  await open(page, "nothing");
  await expect(page.getByRole("alert").first()).toBeVisible();
  await inspect();
  await open(page, "Photos/%C3%89t%C3%A9");
  await expect(row(page, "IMG_2.jpg")).toBeVisible();
  for (const button of phone ? [/Settings|Réglages/, /Sort|Trier/] : [/Settings|Réglages/, /Shortcuts|Raccourcis/]) {
    await page.getByRole("button", { name: button }).first().click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await inspect();
    await page.keyboard.press("Escape");
  }
}

test.describe("in French", () => {
  test.use({ locale: "fr-FR" });

  test("French texts have French units and spaces", async ({ page }) => {
    await open(page);
    await expect(page.locator("html")).toHaveAttribute("lang", "fr");
    await expect(row(page, "Bravo.txt")).toContainText("3,0\u00a0ko");
    await row(page, "Bravo.txt").click();
    await expect(page.getByText("1 élément sélectionné · 3,0\u00a0ko").first()).toBeVisible();
    await page.getByRole("button", { name: "Télécharger" }).first().click();
    await expect(page.getByText("Téléchargement commencé\u202f: Bravo.txt")).toBeVisible();
  });

  test("the chosen language is kept", async ({ page }) => {
    await open(page);
    await page.getByRole("button", { name: "Réglages" }).first().click();
    await page.getByRole("radio", { name: "English" }).check();
    await expect(page.locator("html")).toHaveAttribute("lang", "en");
    await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
    await page.reload();
    await expect(page.getByRole("columnheader", { name: "Modified" })).toBeVisible();
    await expect(page.locator("html")).toHaveAttribute("lang", "en");
  });
});

test("the chosen theme is kept and applies before the first paint", async ({ page }) => {
  await open(page);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await expect.poll(background).toBe("rgb(255, 255, 255)");
  await page.getByRole("button", { name: "Settings" }).first().click();
  await page.getByRole("radio", { name: "Dark" }).check();
  await expect.poll(background).toBe("rgb(17, 20, 23)");
  // A request without an answer: the program never starts, and nothing is reported as failed.
  await page.route("**/*.wasm", () => {});
  await page.reload({ waitUntil: "domcontentloaded" });
  expect(await background()).toBe("rgb(17, 20, 23)");
});

test("reduced motion stops animations, and forced colours keep the selection visible", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce", forcedColors: "active" });
  await open(page);
  await row(page, "alpha.txt").click();
  await expect(row(page, "alpha.txt")).toHaveCSS("outline-style", "solid");
});
