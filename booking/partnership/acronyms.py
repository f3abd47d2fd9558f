"""The short words of safeguarding, until coordinators change the list."""

USUAL_ACRONYMS = """\
CAMHS = child and adolescent mental health
CCE = child criminal exploitation, child exploitation
CE = child exploitation
CIN = child in need, children in need
CP = child protection
CSA = child sexual abuse
CSE = child sexual exploitation, child exploitation
DA = domestic abuse
DSL = designated safeguarding lead
DV = domestic violence, domestic abuse
EHCP = education health and care plan
EHE = elective home education, electively home educated
FGM = female genital mutilation
FII = fabricated or induced illness
HBA = honour based abuse
LAC = looked after children, children looked after
LADO = local authority designated officer, managing allegations
MARAC = multi agency risk assessment conference
MASH = multi agency safeguarding hub
NRM = national referral mechanism
PREVENT = radicalisation
SEND = special educational needs, disability, disabilities
UASC = unaccompanied asylum seeking children
"""
