// Standard input: a JSON list of iCalendar texts. Standard output: what ical.js sees in each.
import { readFileSync } from "node:fs";
import ICAL from "./ical.min.js";
import { seen } from "./seen.mjs";

process.stdout.write(JSON.stringify(seen(ICAL, JSON.parse(readFileSync(0, "utf8")))));
