//! How uploads look: axe finds nothing, in both languages and both themes, on a desk and on a phone.

import { mkdir } from "node:fs/promises";

import { expect } from "../fixtures.ts";
import { expectAccessible, furnish } from "./page.ts";
import { file, Line, panel, test } from "./uploading.ts";

const SCREENS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
/** A folder for pictures to look at; none are taken without it. */
const PICTURES = process.env.PASSERELLE_E2E_PICTURES;

for (const locale of ["en-US", "fr-FR"]) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [screen, viewport] of Object.entries(SCREENS)) {
      test(`axe finds nothing in uploads: ${locale}, ${colorScheme}, ${screen}`, async ({ browser, server, tree }) => {
        await furnish(tree);
        const line = await Line.to(server.http);
        const context = await browser.newContext({ locale, colorScheme, viewport, hasTouch: screen === "phone" });
        const page = await context.newPage();
        const look = async (name: string) => {
          // Colours in between have contrasts in between.
          await page.waitForTimeout(250);
          if (PICTURES) {
            await mkdir(PICTURES, { recursive: true });
            await page.screenshot({ path: `${PICTURES}/${name}-${screen}-${colorScheme}-${locale.slice(0, 2)}.png` });
          }
          await expectAccessible(page);
        };
        await page.goto(`${line.address}/`);
        const pick = page.locator("#upload-files");
        line.allow(12_000_000);
        await pick.setInputFiles([
          file("Holiday film.mkv", Buffer.alloc(30_000_000)),
          file("Report.pdf", Buffer.alloc(5_000_000)),
          file("Notes.txt", "n"),
          file("Presentation with a very long name that does not fit into one row of the panel.pptx", Buffer.alloc(3_000_000)),
          file("alpha.txt", "something else"),
        ]);
        await expect(page.getByRole("dialog")).toBeVisible();
        await look("question");
        await page.keyboard.press("Escape");
        await expect(panel(page).getByRole("listitem").first()).toBeVisible();
        await look("sending");
        await page.getByRole("button", { name: /Pause all|Tout suspendre/ }).click();
        await look("paused");
        const problem = { type: "about:blank", status: 507, code: "no_space", title: "full" };
        await page.route("**/api/v1/uploads{,/*}", (route) =>
          route.fulfill({ status: 507, contentType: "application/problem+json", body: JSON.stringify(problem) }),
        );
        await page.getByRole("button", { name: /Resume all|Tout reprendre/ }).click();
        await expect(panel(page).getByText(/Not enough space|Espace insuffisant/).first()).toBeVisible();
        await look("failed");
        await page.unroute("**/api/v1/uploads{,/*}");
        line.allow(Infinity);
        await page.getByRole("button", { name: /Retry failed|Réessayer les échecs/ }).click();
        await page.getByRole("button", { name: /Decide about|Choisir quoi faire/ }).click();
        await page.getByRole("button", { name: /Keep both|Conserver les deux/ }).click();
        await expect(panel(page).getByRole("heading")).toHaveText(/5 files uploaded|5 fichiers téléversés/, { timeout: 20_000 });
        await look("done");
        await context.close();
        await line.close();
      });
    }
  }
}
