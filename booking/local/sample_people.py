"""Who to sign in as in the demo; `load_sample` makes these people, the demo names them."""

PRACTITIONER = "person005@westyorkspolice.example"
AGENCY_LEAD = "person029@westyorkspolice.example"
TRAINER = "trainer2@leedscouncil.example"
COORDINATOR = "coordinator@leedsscp.example"
