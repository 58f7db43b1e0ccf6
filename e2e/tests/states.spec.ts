//! The page without a list: empty folders and failures, each with advice.

import { symlink } from "node:fs/promises";

import { expect, test } from "../fixtures.ts";
import { problemResponse } from "../helpers/changes.ts";
import { createSampleFiles, open, row } from "../helpers/page.ts";

test.beforeEach(async ({ tree }) => createSampleFiles(tree));

test("an empty folder is reported", async ({ page }) => {
  await open(page, "Empty");
  await expect(page.getByRole("heading", { name: "This folder is empty" })).toBeVisible();
  await page.getByRole("link", { name: "Go to the folder above" }).click();
  await expect(row(page, "Empty")).toBeFocused();
});

test("a missing folder offers its parent, and the keys work", async ({ page, faults }) => {
  faults.expectFailedLoads(404);
  await open(page, "Documents/no such folder");
  await expect(page.locator(".panel").getByRole("alert")).toContainText("We can’t find a folder at this address");
  await page.keyboard.press("Backspace");
  await expect(page).toHaveURL(/path=Documents$/);
  await expect(row(page, "Letter.odt")).toBeVisible();
});

test("the address of a file offers to download the file", async ({ page, faults }) => {
  faults.expectFailedLoads(404);
  await open(page, "alpha.txt");
  await expect(page.locator(".panel").getByRole("alert")).toContainText("This is a file");
  const coming = page.waitForEvent("download");
  await page.locator(".panel").getByRole("link", { name: "Download" }).click();
  expect((await coming).suggestedFilename()).toBe("alpha.txt");
});

test("an invalid address offers the root folder", async ({ page, faults }) => {
  faults.expectFailedLoads(404);
  await open(page, "a/../b");
  await expect(page.locator(".panel").getByRole("alert")).toContainText("We can’t find a folder at this address");
  await page.getByRole("link", { name: "Go to all files" }).click();
  await expect(row(page, "alpha.txt")).toBeVisible();
});

test("a link out of the shared folder is marked and cannot be opened", async ({ page, tree }) => {
  await symlink("/etc", tree.at("out"));
  await open(page);
  await expect(row(page, "out")).toContainText("Link that leads out of the shared folder");
  await expect(row(page, "out").getByRole("link")).toHaveCount(0);
  await row(page, "out").dblclick();
  await expect(page.locator(".toasts").getByRole("alert")).toContainText("“out” was not opened. It is a link that leads out of the shared folder");
});

for (const [status, code, sentence] of [
  [403, "forbidden", "You do not have access"],
  [413, "too_large", "This folder has too many items to list"],
  [500, "internal", "The server failed"],
  [503, "shutting_down", "The server is busy"],
] as const) {
  test(`${status} is explained, with a button that retries`, async ({ page, faults }) => {
    faults.expectFailedLoads(status);
    await page.route("**/api/v1/list/Documents*", (route) => route.fulfill(problemResponse(status, code)));
    await open(page, "Documents");
    await expect(page.locator(".panel").getByRole("alert")).toContainText(sentence);
    if (status === 500) {
      await expect(page.getByText("Reference for the administrator: r-42")).toBeVisible();
    }
    const retry = page.getByRole("button", { name: "Retry" });
    if (status === 503) {
      // The page retries temporary failures by itself, which would remove the button. So the server refuses until the
      // button is pressed.
      await page.waitForRequest("**/api/v1/list/Documents*");
      await retry.click();
      await page.waitForRequest("**/api/v1/list/Documents*");
      await page.unroute("**/api/v1/list/Documents*");
    } else {
      await page.unroute("**/api/v1/list/Documents*");
      await retry.click();
    }
    await expect(row(page, "Letter.odt")).toBeVisible();
  });
}

test("a response of another server is not taken for a listing", async ({ page }) => {
  await page.route("**/api/v1/list/*", (route) => route.fulfill({ contentType: "text/html", body: "<p>Hello" }));
  await open(page);
  await expect(page.locator(".panel").getByRole("alert")).toContainText("Something between you and the server answered in its place");
});

test("the loading state appears only after a delay", async ({ page }) => {
  let answer = () => {};
  const seen = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/api/v1/list/Documents*", async (route) => {
    await seen;
    await route.continue();
  });
  await open(page);
  await row(page, "Documents").dblclick();
  await expect(page.locator(".skeleton")).toBeVisible();
  answer();
  await expect(row(page, "Budget.ods")).toBeFocused();
  await expect(page.locator(".skeleton")).toHaveCount(0);
});

test("the list stays readable without a connection, and updates when the connection returns", async ({ page, context, faults }) => {
  faults.expectFailedLoads("ERR_INTERNET_DISCONNECTED");
  await open(page);
  await expect(row(page, "alpha.txt")).toBeVisible();
  await context.setOffline(true);
  await page.getByRole("button", { name: "Refresh" }).click();
  await expect(page.getByText("No connection to the server")).toBeVisible();
  await expect(row(page, "alpha.txt")).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText("No connection to the server")).toBeHidden();
  await expect(row(page, "alpha.txt")).toBeVisible();
});

test("the page retries a server that is unreachable at the start", async ({ page, faults }) => {
  faults.expectFailedLoads("ERR_FAILED");
  await page.route("**/api/v1/list/*", (route) => route.abort());
  await open(page);
  await expect(page.locator(".panel").getByRole("alert")).toContainText("The server cannot be reached");
  await page.unroute("**/api/v1/list/*");
  await expect(row(page, "alpha.txt")).toBeVisible();
});

test("a listing whose cursor the server refuses restarts in place", async ({ page, tree, faults }) => {
  faults.expectFailedLoads(400);
  // More than the first page of the listing.
  for (let index = 0; index < 5_000; index += 1) {
    await tree.write(`many/entry ${index}.txt`, "");
  }
  let refused = 0;
  await page.route("**/api/v1/list/many*cursor=*", (route) => {
    refused += 1;
    return refused === 1 ? route.fulfill(problemResponse(400, "bad_cursor")) : route.continue();
  });
  await open(page, "many");
  await row(page, "entry 3.txt").click();
  await expect.poll(() => refused).toBeGreaterThan(1);
  await expect(page.locator(".progress")).toHaveText("");
  await expect(row(page, "entry 3.txt")).toHaveAttribute("aria-selected", "true");
  await expect(page.getByRole("grid")).toHaveAttribute("aria-rowcount", "5001");
});
