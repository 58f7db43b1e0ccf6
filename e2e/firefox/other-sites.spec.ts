//! What pages of other sites, and scripts in the page, may load from the server, in the system's Firefox.

import { otherSiteTests } from "../helpers/other-sites.ts";

// An `<embed>` has no event there when it fails.
otherSiteTests(["frame", "image", "script", "style", "fetch", "preload"]);
