//! How uploads look: axe finds nothing, in both languages and both themes, on a desk and on a phone.

import { mkdir } from "node:fs/promises";
import type { Page } from "@playwright/test";

import { expect, type Tree } from "../fixtures.ts";
import { expectAccessible, furnish, rested } from "./page.ts";
import { type Line, panel, test } from "./uploading.ts";

const SCREENS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
/** A folder for pictures to look at; none are taken without it. */
const PICTURES = process.env.PASSERELLE_E2E_PICTURES;
/** What is uploaded, in bytes; the last one is there already, as something else. */
const FILES: [string, number][] = [
  ["Holiday film.mkv", 30_000_000],
  ["Report.pdf", 5_000_000],
  ["Notes.txt", 1],
  ["Presentation with a very long name that does not fit into one row of the panel.pptx", 3_000_000],
  ["alpha.txt", 14],
];

type Look = (what: string) => Promise<void>;

for (const locale of ["en-US", "fr-FR"]) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [screen, viewport] of Object.entries(SCREENS)) {
      test.describe(`uploads: ${locale}, ${colorScheme}, ${screen}`, () => {
        test.use({ locale, colorScheme, viewport, hasTouch: screen === "phone" });

        const look = (page: Page): Look => async (what) => {
          await rested(page);
          if (PICTURES) {
            await mkdir(PICTURES, { recursive: true });
            await page.screenshot({ path: `${PICTURES}/${what}-${screen}-${colorScheme}-${locale.slice(0, 2)}.png` });
          }
          await expectAccessible(page);
        };

        test("while they go on", async ({ page, line, tree, mine }) => {
          const see = look(page);
          await begin(page, line, tree, mine);
          await see("question");
          await page.keyboard.press("Escape");
          await expect(panel(page).getByRole("listitem").first()).toBeVisible();
          await see("sending");
          await page.getByRole("button", { name: /Pause all|Tout suspendre/ }).click();
          await see("paused");
        });

        test("what became of them", async ({ page, line, tree, mine }) => {
          const see = look(page);
          const problem = { type: "about:blank", status: 507, code: "no_space", title: "full" };
          await page.route("**/{files,api/v1/uploads}{,/*}", (route) =>
            route.fulfill({ status: 507, contentType: "application/problem+json", body: JSON.stringify(problem) }),
          );
          await begin(page, line, tree, mine);
          await page.keyboard.press("Escape");
          await expect(panel(page).getByText(/Not enough space|Espace insuffisant/).first()).toBeVisible();
          await see("failed");
          await page.unroute("**/{files,api/v1/uploads}{,/*}");
          line.allow(Infinity);
          await page.getByRole("button", { name: /Retry failed|Réessayer les échecs/ }).click();
          await page.getByRole("button", { name: /Decide about|Choisir quoi faire/ }).click();
          await page.getByRole("button", { name: /Keep both|Conserver les deux/ }).click();
          await expect(panel(page).getByRole("heading")).toHaveText(/5 files uploaded|5 fichiers téléversés/);
          await see("done");
        });
      });
    }
  }
}

/** Chooses all the files, of which only a part goes through; a question about the last one is open then. */
async function begin(page: Page, line: Line, tree: Tree, mine: Tree): Promise<void> {
  await furnish(tree);
  // From the disk: what is handed over from memory passes through the test's own connection first, twice as large.
  await Promise.all(FILES.map(([name, bytes]) => mine.write(name, Buffer.alloc(bytes))));
  await page.goto(`${line.address}/`);
  line.allow(12_000_000);
  await page.locator("#upload-files").setInputFiles(FILES.map(([name]) => mine.at(name)));
  await expect(page.getByRole("dialog")).toBeVisible();
}
