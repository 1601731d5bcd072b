// SPDX-License-Identifier: Apache-2.0
// Runs before the first paint, so that a dark page never flashes white.
(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
        const wish = localStorage.getItem("weft.theme") ?? "auto";
        const theme = wish === "auto" ? (dark.matches ? "dark" : "light") : wish;
        document.documentElement.dataset.theme = theme;
        const colour = theme === "dark" ? "#171614" : "#f8f6f1";
        document.querySelector('meta[name="theme-color"]')?.setAttribute("content", colour);
    };
    apply();
    dark.addEventListener("change", apply);
    addEventListener("weft-theme", apply);
})();
