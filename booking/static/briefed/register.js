/* The register without a connection: marks are kept by booking number, never a name, and sent in
   their order once there is a connection again. The page works without this file. */
(() => {
  const STORE = "briefed.marks";
  const notice = document.getElementById("kept");
  const form = document.querySelector("form[data-register]");
  const leftOut = notice.querySelector("[data-left-out]");
  const { person, address } = notice.dataset;
  const sitting = form?.elements.sitting.value;
  const WORDS = { attended: "Attended", absent: "Absent", apologies: "Apologies", late: "Attended, late", nothing: "" };
  const NOT_SENT = " (not sent yet)";

  // Where nothing can be kept, each press is a form of its own, as without this file.
  try {
    JSON.parse(localStorage.getItem(STORE) ?? "[]");
    localStorage.setItem(`${STORE}.tried`, "1");
    localStorage.removeItem(`${STORE}.tried`);
  } catch {
    return;
  }
  const all = () => JSON.parse(localStorage.getItem(STORE) ?? "[]");
  const keep = (marks) => localStorage.setItem(STORE, JSON.stringify(marks));
  const mine = (mark) => mark.person === person && mark.address === address;

  const say = (words, canSignIn = false) => {
    notice.hidden = !words && !leftOut.hasChildNodes();
    notice.querySelector("[data-kept-words]").textContent = words;
    notice.querySelector("[data-kept-link]").hidden = !canSignIn;
  };
  const counted = (number) => (number === 1 ? "1 mark is" : `${number} marks are`);
  const tell = (canSignIn = false) => {
    const marks = all();
    const here = marks.filter(mine).length;
    const others = marks.length - here;
    const words = [];
    if (here) words.push(`${counted(here)} kept on this device and not sent yet.`);
    if (others) words.push(`${counted(others)} kept of another register or person: open it, signed in as they were.`);
    say(words.join(" "), canSignIn && here > 0);
  };

  const number = (name, by) => {
    for (const each of document.querySelectorAll(`[data-${name}]`)) each.textContent = Number(each.textContent) + by;
  };
  const pressed = (row) => row.querySelector("button[aria-pressed=true]")?.value.split(":")[1] ?? "nothing";
  const isFilledIn = (row) => "filledIn" in row.dataset;
  const show = (booking, what) => {
    const row = document.getElementById(`b${booking}`);
    if (!row) return;
    const came = (each) => Number(each === "attended" || each === "late");
    const before = pressed(row);
    number("came", came(what) - came(before));
    const unmarked = Number(what === "nothing") - Number(before === "nothing");
    number("unmarked", unmarked);
    // Whose place somebody has taken is not among everybody else.
    if (!("placeTaken" in row.dataset)) number("others", unmarked);
    // What the server says of the same already keeps its words, such as the minutes late.
    const seen = row.querySelector("[data-seen]");
    const words = what === before ? seen.textContent.replace(NOT_SENT, "") : WORDS[what];
    seen.textContent = words + (what === "nothing" ? "" : NOT_SENT);
    delete row.dataset.filledIn;
    for (const button of row.querySelectorAll("button[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.value === `${booking}:${what}`));
    }
  };
  const settle = (booking) => {
    const seen = document.getElementById(`b${booking}`)?.querySelector("[data-seen]");
    if (seen) seen.textContent = seen.textContent.replace(NOT_SENT, "");
  };

  const refuse = (marks, why) => {
    // One line for each reason, with the names of those whom it is about.
    for (const sentence of new Set(Object.values(why))) {
      const those = marks.filter((mark) => why[mark.key] === sentence);
      const names = those.map(({ booking, what }) => {
        const row = document.getElementById(`b${booking}`);
        if (row) row.querySelector("[data-seen]").textContent = "Not taken";
        return `${row?.querySelector("a").textContent ?? `booking ${booking}`} (${WORDS[what].toLowerCase() || "taken back"})`;
      });
      const line = document.createElement("li");
      line.textContent = `Not taken: ${names.join(", ")}. ${sentence}`;
      leftOut.append(line);
    }
  };

  // A page that is being loaded may have been made before the server took these marks: they are kept
  // for it, which shows them and sends them again, and the server counts each once.
  let leaving = false;
  addEventListener("beforeunload", () => { leaving = true; });

  const sendKept = async () => {
    // The server reads so many at once; the rest follows.
    const marks = all().filter(mine).slice(0, 1000);
    if (!marks.length || !form) return;
    const now = Date.now();
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.set("marks", JSON.stringify(marks.map(({ booking, sitting, what, key, at }) => ({
      booking, sitting, what, key, ago: Math.max(0, (now - at) / 1000),
    }))));
    try {
      const answer = await fetch(address, { method: "POST", body, redirect: "manual", headers: { Accept: "application/json" } });
      const isOurs = answer.headers.get("Content-Type")?.startsWith("application/json");
      if (!isOurs) {
        // The session ended, or too much was sent: nothing is lost.
        tell(answer.type === "opaqueredirect" || answer.status === 403);
        return;
      }
      // Read to its end first: of an answer that was cut off, all are sent again.
      const notTaken = (await answer.json()).left_out ?? {};
      if (leaving) return;
      const sent = new Set(marks.map((mark) => mark.key));
      keep(all().filter((mark) => !sent.has(mark.key)));
      marks.forEach((mark) => settle(mark.booking));
      refuse(marks, notTaken);
      tell();
    } catch {
      tell();
    }
    if (all().some((mark) => mine(mark) && !marks.some((each) => each.key === mark.key))) await sendKept();
  };
  // One sending at a time; whoever asks meanwhile waits for its end.
  let sending = null;
  const send = () => (sending ??= sendKept().finally(() => { sending = null; }));

  form?.addEventListener("submit", async (event) => {
    const button = event.submitter;
    const [booking, wanted] = (button?.name === "press" ? button.value : "").split(":");
    // What is undone, and everybody at once, is for the server to work out, once it knows the rest.
    if (!(wanted in WORDS)) {
      if (!all().some(mine)) return;
      event.preventDefault();
      await send();
      if (!all().some(mine)) form.requestSubmit(button);
      return;
    }
    event.preventDefault();
    // What was pressed already is taken back; what is filled in already is confirmed.
    const isTakenBack = button.ariaPressed === "true" && !isFilledIn(document.getElementById(`b${booking}`));
    const what = isTakenBack ? "nothing" : wanted;
    keep([...all(), { person, address, booking, sitting, what, key: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`.slice(0, 36), at: Date.now() }]);
    show(booking, what);
    tell();
    send();
  });

  const search = document.querySelector("[data-register-search]");
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  search?.addEventListener("input", () => {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll("[data-booking]")) {
      const text = plain(row.querySelector("a").textContent);
      row.hidden = !words.every((word) => text.includes(word));
    }
    // At once means everybody: not those alone who are shown.
    const atOnce = document.querySelector("[data-at-once]");
    if (atOnce) atOnce.hidden = words.length > 0;
  });

  for (const mark of all().filter((each) => mine(each) && each.sitting === sitting)) show(mark.booking, mark.what);
  tell();
  send();
  addEventListener("online", send);
  addEventListener("pageshow", () => { leaving = false; send(); });
  // Whoever is still here after so long has not left.
  setInterval(() => { leaving = false; send(); }, 15_000);
})();
