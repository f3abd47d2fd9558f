"""Whose demo it is and who to sign in as; `load_sample` makes them, the demo names them."""

PARTNERSHIP = "Leeds Safeguarding Children Partnership (sample)"
MAIL_ADDRESS = "training@leedsscp.example"

PRACTITIONER = "person005@westyorkspolice.example"
AGENCY_LEAD = "person029@westyorkspolice.example"
TRAINER = "trainer2@leedscouncil.example"
COORDINATOR = "coordinator@leedsscp.example"
