//! Words for changing files on the page.

import { existsSync } from "node:fs";
import type { Locator, Page, Route } from "@playwright/test";

import { expect, type Tree } from "../fixtures.ts";
import { row } from "./page.ts";

/** The messages in the corner. */
export function toast(page: Page): Locator {
  return page.locator(".toast");
}

/** Opens the menu of a row by the right button of the mouse, and presses a line of it. */
export async function menu(page: Page, name: string, line: string): Promise<void> {
  await row(page, name).click({ button: "right" });
  await page.getByRole("menuitem", { name: line, exact: true }).click();
}

/** Expects a path to be on the disk, or not. */
export async function expectOnDisk(tree: Tree, path: string, there = true): Promise<void> {
  await expect.poll(() => existsSync(tree.at(path)), { message: path }).toBe(there);
}

/** Lets the change through that waits longest, or waits for one; with an answer, the server does not hear of it. */
type LetThrough = (answer?: Parameters<Route["fulfill"]>[0]) => Promise<void>;

/** Holds back what the page asks the server to change. */
export async function holdChanges(page: Page): Promise<LetThrough> {
  const held: Route[] = [];
  const wanted: ((route: Route) => void)[] = [];
  await page.route("**/api/v1/changes", (route) => {
    const next = wanted.shift();
    if (next) {
      next(route);
    } else {
      held.push(route);
    }
  });
  return async (answer) => {
    const route = held.shift() ?? (await new Promise<Route>((resolve) => wanted.push(resolve)));
    await (answer ? route.fulfill(answer) : route.continue());
  };
}

/** A refusal as the gateway words it. */
export function refusal(status: number, code: string) {
  return {
    status,
    contentType: "application/problem+json",
    body: JSON.stringify({ type: "about:blank", status, code, title: code, detail: "", request_id: "r-42" }),
  };
}
