//! Helpers of the tests about changes: messages, menus, the disk, held requests.

import { existsSync } from "node:fs";
import type { Locator, Page, Route } from "@playwright/test";

import { expect, type Tree } from "../fixtures.ts";
import { row } from "./page.ts";

/** The messages in the corner. */
export function toast(page: Page): Locator {
  return page.locator(".toast");
}

/** Opens the menu of a row by a right click, and clicks an item. */
export async function menu(page: Page, name: string, item: string): Promise<void> {
  await row(page, name).click({ button: "right" });
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

/** Expects a path to exist on the disk, or not. */
export async function expectOnDisk(tree: Tree, path: string, exists = true): Promise<void> {
  await expect.poll(() => existsSync(tree.at(path)), { message: path }).toBe(exists);
}

/** Releases the oldest held request, or waits for one. With a response, the request never reaches the server. */
type Release = (response?: Parameters<Route["fulfill"]>[0]) => Promise<void>;

/** Holds back the requests for changes. */
export async function holdChanges(page: Page): Promise<Release> {
  const held: Route[] = [];
  const waiting: ((route: Route) => void)[] = [];
  await page.route("**/api/v1/changes", (route) => {
    const next = waiting.shift();
    if (next) {
      next(route);
    } else {
      held.push(route);
    }
  });
  return async (response) => {
    const route = held.shift() ?? (await new Promise<Route>((resolve) => waiting.push(resolve)));
    await (response ? route.fulfill(response) : route.continue());
  };
}

/** A problem document of the gateway (RFC 9457). */
export function problemResponse(status: number, code: string) {
  return {
    status,
    contentType: "application/problem+json",
    body: JSON.stringify({ type: "about:blank", status, code, title: code, detail: "", request_id: "r-42" }),
  };
}
