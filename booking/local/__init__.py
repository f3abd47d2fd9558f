"""The site on this machine, with a sample: whose it is, and who to sign in as."""

PARTNERSHIP = "Leeds Safeguarding Children Partnership (sample)"
MAIL_ADDRESS = "training@leedsscp.example"

PRACTITIONER = "person005@westyorkspolice.example"
AGENCY_LEAD = "person029@westyorkspolice.example"
TRAINER = "trainer2@leedscouncil.example"
COORDINATOR = "coordinator@leedsscp.example"

SIGN_IN_AS = {
    "practitioner": PRACTITIONER,
    "agency lead": AGENCY_LEAD,
    "trainer": TRAINER,
    "coordinator": COORDINATOR,
}
