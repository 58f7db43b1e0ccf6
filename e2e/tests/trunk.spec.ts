//! The page as trunk builds it for `cargo xtask dev`, in place of the page in the server.

import { existsSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "../fixtures.ts";
import { createSampleFiles, row } from "../helpers/page.ts";

const bundle = process.env.PASSERELLE_TRUNK_PAGE ?? "";

test.skip(bundle === "", "PASSERELLE_TRUNK_PAGE names no page; `cargo xtask test` builds one");

test("a page that trunk built opens and lists", async ({ page, tree }) => {
  await createSampleFiles(tree);
  const file = (url: URL) => join(bundle, url.pathname === "/" ? "index.html" : url.pathname);
  await page.route((url) => existsSync(file(url)), (route) => route.fulfill({ path: file(new URL(route.request().url())) }));
  await page.goto("./");
  await expect(row(page, "alpha.txt")).toBeVisible();
  await row(page, "Documents").dblclick();
  await expect(row(page, "Letter.odt")).toBeVisible();
  // Trunk's start script leaves this name; the bundler's does not.
  expect(await page.evaluate(() => "wasmBindings" in window)).toBe(true);
});
