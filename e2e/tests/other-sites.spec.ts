//! What pages of other sites, and scripts in the page, may load from the server.

import { expect } from "../fixtures.ts";
import { otherSiteTests, test } from "../helpers/other-sites.ts";

otherSiteTests();

test("sounds and pictures in a tab of their own are shown, by address and by a link", async ({ page, server, site, tree }) => {
  await tree.write("tone.wav", wave());
  await tree.write("dot.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`);
  site.body = `<a href="${server.http}/files/tone.wav">Tone</a> <a href="${server.http}/files/dot.svg">Dot</a>`;
  const duration = () => page.evaluate(() => document.querySelector<HTMLMediaElement>("video, audio")?.duration ?? 0);
  await page.goto(`${server.http}/files/tone.wav`);
  await expect.poll(duration).toBeCloseTo(0.1, 2);
  await page.goto(site.origin);
  await page.getByRole("link", { name: "Tone" }).click();
  await expect.poll(duration).toBeCloseTo(0.1, 2);
  await page.goto(site.origin);
  await page.getByRole("link", { name: "Dot" }).click();
  await expect.poll(() => page.evaluate(() => document.documentElement.tagName)).toBe("svg");
});

/** A silent sound of a tenth of a second. */
function wave(): Buffer {
  const samples = 800;
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(8000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples, 40);
  return Buffer.concat([head, Buffer.alloc(samples, 128)]);
}

test.describe("in French", () => {
  test.use({ locale: "fr-FR" });

  test("the question is in the language of the browser", async ({ page, server, site, tree, faults }) => {
    faults.allowFailedLoads(403);
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
