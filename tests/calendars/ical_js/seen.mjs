// What ical.js sees in each of a list of iCalendar texts. Dates without a time stay as written.
export function seen(ICAL, texts) {
  const moment = (time) => (time.isDate ? time.toString() : time.toJSDate().toISOString());
  return texts.map((text) => {
    const calendar = new ICAL.Component(ICAL.parse(text));
    return {
      method: calendar.getFirstPropertyValue("method"),
      events: calendar.getAllSubcomponents("vevent").map((component) => {
        const event = new ICAL.Event(component);
        return {
          uid: event.uid,
          sequence: event.sequence,
          summary: event.summary,
          starts: moment(event.startDate),
          ends: moment(event.endDate),
          status: component.getFirstPropertyValue("status"),
          people: event.attendees.length,
        };
      }),
    };
  });
}
