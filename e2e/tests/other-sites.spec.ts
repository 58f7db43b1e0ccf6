//! What pages of other sites, and scripts in the page, may load from the server.

import { otherSiteTests, test } from "../helpers/other-sites.ts";

otherSiteTests();

test.describe("in French", () => {
  test.use({ locale: "fr-FR" });

  test("the question is in the language of the browser", async ({ page, server, site, tree, faults }) => {
    faults.expectFailedLoads(403);
    await tree.write("notes.txt", "Lait\n");
    site.body = `<a href="${server.http}/files/notes.txt?download">Notes</a>`;
    await page.goto(site.origin);
    await page.getByRole("link").click();
    const button = page.getByRole("link", { name: "Continuer" });
    const downloading = page.waitForEvent("download");
    await button.click();
    await downloading;
  });
});
