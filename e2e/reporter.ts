//! Prints one line at the end, "e2e: 3 passed, 0 failed, 0 skipped", which `cargo xtask test` parses.

import type { FullResult, Reporter, Suite, TestCase } from "@playwright/test/reporter";

export default class SummaryLine implements Reporter {
  private tests: TestCase[] = [];
  private errors = 0;

  onBegin(_config: unknown, suite: Suite) {
    this.tests = suite.allTests();
  }

  /** Counts an error outside of tests, such as a file that does not load. */
  onError() {
    this.errors += 1;
  }

  async onEnd(result: FullResult) {
    const count = (outcome: string) => this.tests.filter((test) => test.outcome() === outcome).length;
    const passed = count("expected");
    let failed = count("unexpected") + count("flaky") + this.errors;
    // An interrupted run counts the tests that never ran as skipped, but has to fail.
    if (result.status !== "passed" && failed === 0) {
      failed = 1;
    }
    console.log(`e2e: ${passed} passed, ${failed} failed, ${count("skipped")} skipped`);
  }

  printsToStdio() {
    return false;
  }
}
