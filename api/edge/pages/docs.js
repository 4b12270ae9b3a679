// Shows openapi.json with the redoc bundle that lies beside this file; without the bundle the page keeps its link.
if (window.Redoc) {
	const font = { fontFamily: "system-ui, sans-serif" };
	window.Redoc.init("/openapi.json", { hideDownloadButton: false, theme: { typography: { ...font, headings: font } } }, document.getElementById("reference"));
}
