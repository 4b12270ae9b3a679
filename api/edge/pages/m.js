// Signs in by the mailed link: only the button spends it, since programs that look at mails open every link.
import { call } from "./api.js";
import { arrive, onLink, way } from "./arrive.js";
import { findFirm } from "./firm.js";

const token = () => decodeURIComponent(location.hash.slice(1));

findFirm(token());
onLink(token, async () => arrive(await call("POST", "/v1/auth/magic_links/redeem", { token: token(), transport: "cookie" })),
	way("Have a new one mailed", "/signin"));
