//! What pages of other sites, and scripts in the page, may load from the server, in the system's Firefox and in the
//! whole Chromium.

import { otherSiteTests } from "../helpers/other-sites.ts";

// An `<embed>` has no event in Firefox when it fails.
otherSiteTests(["frame", "image", "script", "style", "fetch", "preload"]);
