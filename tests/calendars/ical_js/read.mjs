// Standard input: a JSON list of iCalendar texts. Standard output: what ical.js sees in each.
import { readFileSync } from "node:fs";
import ICAL from "./ical.min.js";

const seen = JSON.parse(readFileSync(0, "utf8")).map((text) => {
  const calendar = new ICAL.Component(ICAL.parse(text));
  return {
    method: calendar.getFirstPropertyValue("method"),
    events: calendar.getAllSubcomponents("vevent").map((component) => {
      const event = new ICAL.Event(component);
      return {
        uid: event.uid,
        sequence: event.sequence,
        summary: event.summary,
        starts: event.startDate.toJSDate().toISOString(),
        ends: event.endDate.toJSDate().toISOString(),
        status: component.getFirstPropertyValue("status"),
        people: event.attendees.length,
      };
    }),
  };
});
process.stdout.write(JSON.stringify(seen));
