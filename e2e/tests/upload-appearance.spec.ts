//! The panel of uploads in both languages and both themes, at desktop and phone width: axe reports no violation.

import { mkdir } from "node:fs/promises";
import type { Page } from "@playwright/test";

import { expect, type Tree } from "../fixtures.ts";
import { expectAccessible, createSampleFiles, inEachTheme } from "../helpers/page.ts";
import { type Network, panel, test } from "../helpers/uploads.ts";

const SCREENS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
/** Folder for screenshots; without it, none are taken. */
const PICTURES = process.env.PASSERELLE_E2E_PICTURES;
/** The files and their sizes in bytes; the last one exists already with other bytes. */
const FILES: [string, number][] = [
  ["Holiday film.mkv", 30_000_000],
  ["Report.pdf", 5_000_000],
  ["Notes.txt", 1],
  ["Presentation with a very long name that does not fit into one row of the panel.pptx", 3_000_000],
  ["alpha.txt", 14],
];

type Inspect = (what: string) => Promise<void>;

for (const locale of ["en-US", "fr-FR"]) {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    test.describe(`uploads: ${locale}, ${screen}`, () => {
      test.use({ locale, viewport, hasTouch: screen === "phone" });

      const inspect = (page: Page): Inspect => (what) =>
        inEachTheme(page, async (theme) => {
          if (PICTURES) {
            await mkdir(PICTURES, { recursive: true });
            await page.screenshot({ path: `${PICTURES}/${what}-${screen}-${theme}-${locale.slice(0, 2)}.png` });
          }
          await expectAccessible(page);
        });

      test("running uploads", async ({ page, network, tree, local }) => {
        const see = inspect(page);
        await begin(page, network, tree, local);
        await see("question");
        await page.keyboard.press("Escape");
        await expect(panel(page).getByRole("listitem").first()).toBeVisible();
        await see("sending");
        await page.getByRole("button", { name: /^(Pause all|Mettre en pause)$/ }).click();
        await see("paused");
      });

      test("finished uploads", async ({ page, network, tree, local, faults }) => {
        faults.expectFailedLoads(507);
        const see = inspect(page);
        const problem = { type: "about:blank", status: 507, code: "no_space", title: "full" };
        await page.route("**/{files,api/v1/uploads}{,/*}", (route) =>
          route.fulfill({ status: 507, contentType: "application/problem+json", body: JSON.stringify(problem) }),
        );
        await begin(page, network, tree, local);
        await page.keyboard.press("Escape");
        await expect(panel(page).getByText(/Not enough space|Espace insuffisant/).first()).toBeVisible();
        await see("failed");
        await page.unroute("**/{files,api/v1/uploads}{,/*}");
        network.allow(Infinity);
        await page.getByRole("button", { name: /Retry failed|Réessayer les échecs/ }).click();
        await page.getByRole("button", { name: /Choose what to do|Choisir que faire/ }).click();
        await page.getByRole("button", { name: /Keep both|Conserver les deux/ }).click();
        await expect(panel(page).getByRole("heading")).toHaveText(/5 files uploaded|5 fichiers téléversés/);
        await see("done");
      });
    });
  }
}

/** Selects all files, of which the proxy forwards a part; then the dialog about the last one is open. */
async function begin(page: Page, network: Network, tree: Tree, local: Tree): Promise<void> {
  await createSampleFiles(tree);
  // Files on the disk, because files in memory pass through the connection of the test first, twice as large.
  await Promise.all(FILES.map(([name, bytes]) => local.write(name, Buffer.alloc(bytes))));
  await page.goto(`${network.address}/`);
  network.allow(12_000_000);
  await page.locator("#upload-files").setInputFiles(FILES.map(([name]) => local.at(name)));
  await expect(page.getByRole("dialog")).toBeVisible();
}
