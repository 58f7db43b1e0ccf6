//! Downloads: exact bytes, one file or several, and refusals reported in the page.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "../fixtures.ts";
import { download, open, row } from "../helpers/page.ts";

test("one file is downloaded byte for byte under its own name", async ({ page, tree }) => {
  const data = randomBytes(3_000_000);
  await tree.write("été & co.bin", data);
  await open(page);
  await row(page, "été & co.bin").click();
  const file = await download(page, () => page.getByRole("button", { name: "Download" }).first().click());
  expect(file.name).toBe("été & co.bin");
  expect(file.data.equals(data)).toBe(true);
  await expect(page.getByText("Download started: été & co.bin (3.0 MB)")).toBeVisible();
});

test("a folder and a file are downloaded as one archive", async ({ page, tree }) => {
  const data = randomBytes(100_000);
  await tree.write("folder/deep/data.bin", data);
  await tree.write("folder/empty.txt", "");
  await tree.write("beside.txt", "beside");
  await tree.write("left out.txt", "");
  await open(page);
  await row(page, "folder").click();
  await row(page, "beside.txt").click({ modifiers: ["Control"] });
  const file = await download(page, () => page.getByRole("button", { name: "Download" }).first().click());
  expect(file.name).toMatch(/\.zip$/);
  const place = await mkdtemp(join(tmpdir(), "passerelle-zip-"));
  await writeFile(join(place, "it.zip"), file.data);
  execFileSync("python3", ["-m", "zipfile", "-e", join(place, "it.zip"), join(place, "out")]);
  const out = execFileSync("find", [join(place, "out"), "-type", "f", "-printf", "%P\n"]).toString().trim().split("\n");
  expect(out.sort()).toEqual(["beside.txt", "folder/deep/data.bin", "folder/empty.txt"]);
  expect((await readFile(join(place, "out/folder/deep/data.bin"))).equals(data)).toBe(true);
  await rm(place, { recursive: true });
});

test("a selection too long for a URL is downloaded", async ({ page, tree }) => {
  for (let index = 0; index < 120; index += 1) {
    await tree.write(`a rather long name, so that addresses grow, number ${index}.txt`, `${index}`);
  }
  await tree.write("zz left out.txt", "");
  await open(page);
  await row(page, "a rather long name, so that addresses grow, number 0.txt").click();
  await page.keyboard.press("Shift+End");
  await page.keyboard.press("Shift+ArrowUp");
  await expect(page.getByText("120 items selected").first()).toBeVisible();
  const file = await download(page, () => page.getByRole("button", { name: "Download" }).first().click());
  expect(file.data.toString("latin1").match(/PK\x01\x02/g)).toHaveLength(120);
});

test("a selection of everything downloads the folder", async ({ page, tree }) => {
  await tree.write("in/one.txt", "1");
  await tree.write("in/two.txt", "2");
  await open(page, "in");
  await row(page, "one.txt").click();
  await page.keyboard.press("Control+a");
  const file = await download(page, () => page.getByRole("button", { name: "Download" }).first().click());
  expect(file.name).toBe("in.zip");
});

test("a missing file is reported without leaving the page", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(404, "ERR_FAILED");
  await tree.write("soon gone.txt", "x");
  await tree.write("stays.txt", "x");
  // Live updates would remove the row.
  await page.route("**/api/v1/events*", (route) => route.abort());
  await open(page);
  await row(page, "soon gone.txt").click();
  await rm(tree.at("soon gone.txt"));
  await page.getByRole("button", { name: "Download" }).first().click();
  const message = page.locator(".toasts").getByRole("alert");
  await expect(message).toContainText("“soon gone.txt” was not downloaded. It no longer exists.");
  await expect(row(page, "stays.txt")).toBeVisible();
  await message.getByRole("button", { name: "Close" }).click();
  await expect(message).not.toContainText("soon gone");
});
