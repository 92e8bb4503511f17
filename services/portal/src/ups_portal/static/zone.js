// Proposes the browser's time zone, where nobody has chosen another one.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const select = document.getElementById("zone");
if (select.value === "UTC" && [...select.options].some((option) => option.value === zone)) {
  select.value = zone;
}
