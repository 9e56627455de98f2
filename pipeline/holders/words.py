"""Words by which a sentence tells who speaks or acts in it."""

from dataclasses import dataclass
from typing import Literal

Form = Literal["base", "s", "past", "ing", "participle"]


@dataclass(frozen=True, slots=True)
class Verb:
    """A form of a verb of speech or thought, else (``speaks`` false) of deciding."""

    lemma: str
    form: Form
    speaks: bool


def listed(line: str) -> frozenset[str]:
    """The words of ``line``."""
    return frozenset(line.split())


_SPEECH = """
    balk float recite state study correct accuse acknowledge add admit advise advocate agree allege announce answer
    applaud argue ask assail assert assure back believe blame blast boast call caution celebrate champion charge chide
    cite claim comment compare complain concede conclude condemn confirm confess contend counter credit criticize
    criticise cry curse declare decry defend demand denounce deny deride deplore describe disagree dismiss dispute
    doubt embrace emphasize endorse estimate exclaim expect explain express fault favor fear guess hail hope imply
    insist joke lament laud lambaste liken mention mock note object observe oppose pledge point praise predict prefer
    proclaim profess promise protest quip react reason recall recommend recount regret reiterate reject remark remind
    repeat reply report respond retort rip scoff scold signal slam snap speculate stress suggest support surmise
    suspect testify thank threaten tweet urge voice vow wager want warn welcome whisper wish wonder worry yell shout
    mutter sneer sigh post caption concur dissent brag bristle term dub label brand disapprove rail vent sound paint
    portray characterize continue grumble maintain ridicule show indicate cheer foresee fret plead beg implore invite
    swear lie"""
_ACTS = """
    abandon abolish adopt affirm aim allow amend appeal apply appoint approve assign authorize authorise avoid ban bar
    block cancel certify challenge choose clear close command compel consider cut decide decline defy delay deliver
    deploy designate direct disband discontinue drop empower enact end enjoin enlist exempt expand extend file forbid
    freeze grant halt impeach impose instruct intend introduce invalidate invoke issue launch lift limit move name
    nominate notify offer opt order oust overrule overturn pass pause petition plan postpone prohibit propose pull
    push ratify reaffirm refuse reimpose reinstate remand repeal require rescind reserve resist resolve restore
    restrict resume retract reverse revive revoke roll rule scrap side sign stay stop suspend sue sustain table
    terminate toss trim unveil vacate veto void vote waive weigh narrow enter prevent unblock redirect reprogram
    permit recuse resign turn force oblige decree curb"""
#: Lemma: past, participle, -ing.
_IRREGULAR = """
    leave left left leaving|show showed shown showing|
    say said said saying|tell told told telling|write wrote written writing|think thought thought thinking
    feel felt felt feeling|find found found finding|hold held held holding|put put put putting|swear swore sworn swearing
    see saw seen seeing|know knew known knowing|strike struck struck striking|throw threw thrown throwing
    uphold upheld upheld upholding|seek sought sought seeking|withdraw withdrew withdrawn withdrawing
    withhold withheld withheld withholding|choose chose chosen choosing|forbid forbade forbidden forbidding
    cut cut cut cutting|freeze froze frozen freezing|overrule overruled overruled overruling|let let let letting
    speak spoke spoken speaking|give gave given giving|set set set setting|send sent sent sending
    bid bid bid bidding|begin began begun beginning|keep kept kept keeping|ask asked asked asking"""
_IRREGULAR_SPEECH = listed("say tell write think feel find hold put swear speak")
_IRREGULAR_ACTS = listed("strike throw uphold seek withdraw withhold leave let set choose forbid cut freeze overrule")
_DOUBLED = listed("""
    bar ban plan step cut drop trim opt rip slam quip snap brag scrap stop admit concur regret permit refer rebut beg
    fret dub""")


def _forms(lemma: str) -> tuple[str, str, str]:
    """The -s, -ed and -ing forms of a regular verb."""
    if lemma.endswith("e"):
        return f"{lemma}s", f"{lemma}d", f"{lemma[:-1]}ing"
    if lemma[-1] == "y" and lemma[-2] not in "aeiou":
        return f"{lemma[:-1]}ies", f"{lemma[:-1]}ied", f"{lemma}ing"
    stem = lemma + lemma[-1] if lemma in _DOUBLED else lemma
    return f"{lemma}{'es' if lemma.endswith(('s', 'sh', 'ch', 'x', 'o')) else 's'}", f"{stem}ed", f"{stem}ing"


def _verbs() -> dict[str, Verb]:
    found: dict[str, Verb] = {}
    irregular = {w[0]: w for w in (entry.split() for entry in _IRREGULAR.replace("\n", "|").split("|") if entry.strip())}
    for lemmas, speaks in ((listed(_ACTS) | _IRREGULAR_ACTS, False), (listed(_SPEECH) | _IRREGULAR_SPEECH, True)):
        for lemma in lemmas:
            third, past, going = _forms(lemma)
            participle = past
            if lemma in irregular:
                _, past, participle, going = irregular[lemma]
            forms: tuple[tuple[str, Form], ...] = (
                (lemma, "base"), (third, "s"), (going, "ing"), (participle, "participle"), (past, "past"))
            found |= {word: Verb(lemma, form, speaks) for word, form in forms}
    return found


#: Every form of every verb; a past that is also the participle counts as past.
VERBS = _verbs()
#: "In the view of the court".
SOURCES = listed("view words opinion eyes telling account judgment reckoning")
#: Without one of these a sentence names no voice.
CUES = frozenset(VERBS) | SOURCES | {"according"}
#: Forms that are as often nouns: they count only right after someone who can speak or act, and before an object.
NOUNS = listed("""
    advocate advocates answer answers appeal appeals backs back ban bans bar bars blame block blocks boast boasts call
    calls challenge challenges champion champions charge charges claim claims close comment comments counter counters
    credit cut cuts delay delays demand demands direct dispute disputes doubt doubts drop end ends estimate estimates
    express favor fault fear fears file files grant grants halt halts hope hopes issue issues launch limit limits move
    moves name names note notes object objects offer offers opt order orders pass passes pause pauses petition
    petitions plan plans pledge pledges point points post posts promise promises protest protests push reason reasons
    reply report reports remark remarks rule rules ruling rulings rip side sides sign signs signal signals stay state
    states stop stops stress support supports table tables tweet tweets veto vetoes void voice voices vote votes wish
    wonder worry worries clear roll pull toss trim narrow welcome praise feeling finding findings meeting hearing snap
    guess thought aim aims resolve resolves wager permit reserve reserves assign remind sue permits shows suspect
    suspects regret""")
#: Each first word counts only before one of those that follow it, or before a quotation.
_AFTER = """
    hold that|put it|state that|cite the a an his her its their concerns|study whether how the|set aside|
    feel that|point to out|find that no it the a him her them|roll back|pull out back the|charge that|
    post that on|credit the|move to|push for to back|apply for to|recall that how|enter an a|cut off the|
    deliver a|throw out|strike down|close the|speak against out of|reserve judgment|assign|name a the|
    drop the its his their|clear the|launch a an|deploy the|stop the|table the|sound a|lie|side with|
    rip the into|see|end the its a his|pause the its all|limit the how who what|let stand|leave in|
    turn down away|trim the|compare the it them|note that the it , .|back the a his it away off trump|
    object that to|restrict the how|extend the it its a|file a an suit|expand the it its|enlist the|
    opt to for out|certify that the|aim to|stay the|issue a an the new its two his|lift the its a|
    direct the that agents officials agencies federal immigration staff his her its all|force the its|choose to not|
    consider a the whether it them an this that"""
AFTER = {entry.split()[0]: frozenset(entry.split()[1:]) for entry in _AFTER.split("|")}

AUXILIARIES = listed("""
    am are aren't be been being can can't cannot could couldn't did didn't do does doesn't don't had hadn't has hasn't
    have haven't is isn't may might must mustn't should shouldn't was wasn't were weren't will won't would wouldn't
    shall 's 'd 've 're 'll 'm""")
MODALS = listed("""
    can can't cannot could couldn't did didn't do does doesn't don't may might must mustn't should shouldn't will
    won't would wouldn't shall 'd 'll to""")
BE = listed("'re am are aren't be been being is isn't was wasn't were weren't got get gets")
#: Between a form of "be" and "to" plus a verb: "is expected to sign".
PROSPECTS = listed("""
    expected likely proud pleased glad ready poised set due about scheduled preparing going eager prepared willing
    unwilling""")
ADVERBS = listed("""
    also always again already almost even ever first further has instead just later long never not nonetheless now
    often once only rather so soon still then there yet thus too twice meanwhile nevertheless however both all each
    himself herself themselves itself publicly privately alone flatly sharply today yesterday tonight tomorrow far
    openly""")
TIMES = listed("""
    monday tuesday wednesday thursday friday saturday sunday monday's tuesday's january february march april may june
    july august september october november december today yesterday tonight tomorrow jan. feb. aug. sept. oct. nov.
    dec. last next earlier late early this week month year morning afternoon evening night noon weekend summer winter
    spring fall on in at by during before after""") - listed("may march on in at by during before after this")
#: Other verbs that show that a clause already has its own.
VERBAL = listed("""
    rode enforce keep keeps used get make take give hold send correct came went took got made let lost won ran met
    stood led sat became grew rose fell broke brought built bought caught drew drove knew paid read spent taught wore
    gave kept sent set shot began heard quit flew fought hung lay rang sang swam sank slept shook threw struck says
    goes gives had shows feels seems looked comes takes makes gets needs runs lives works""")
ARTICLES = listed("a an the")
DETERMINERS = ARTICLES | listed("""
    this these those that his her its their my our your some many most several few two three four five six seven eight
    nine ten eleven twelve other another both all more one no any each every dozens hundreds""")
PRONOUNS = listed("he she they it")
#: First and second persons are the writer's or a speaker's who is not named; the rest stand for no one.
NOBODY = listed("""
    i we you that this what which who there i'd i've i'm i'll we'd we've we'll we're you'd you've you'll it's it'd
    that's whoever nothing somebody someone something anything everything nobody everyone anyone everybody neither
    none whom whose these those how why where when and or but so nor yet not to be if as than then his her their its
    my our your""")
PREPOSITIONS = listed("""
    about above across against along alongside amid among around as at before behind below beneath beside besides
    between beyond by despite during except from in inside into like near on onto opposite outside over past per since
    through throughout till to toward towards under unlike until up upon via with within without after because
    following regarding concerning including""")
SUBORDINATORS = listed("""
    after although as because before if lest like once since than that though till unless until what whatever when
    whenever where whereas wherever whether which whichever while who whoever whom whose why how""")
RELATIVES = listed("that what which who whom whose where when why how whether if because whatever")
JOINERS = listed("and but or so yet then nor still meanwhile however also indeed moreover instead nevertheless now")
#: Heads that neither speak nor decide.
MUTE = listed("""
    bill law measure statute act amendment provision policy wall fence fencing plan deal section title code clause
    number numbers crossings arrests raid raids data figures program border money proposal text budget language
    package system figure wire cost costs case cases ban order orders change changes move rule regulation regulations
    requirement laws bills policies walls measures country camera cameras photo sign thing things way ways question
    questions crisis votes vote ordinance shutdown deadline backlog surge trend fact facts idea ideas pause version
    death deaths news reason fund funds minutes hours days weeks months years else compromise images flights meeting
    hearing fee fees directive agreement settlement treaty appeal appeals""")
#: Those that a capital does not save.
MUTE_NAMES = listed("amendment act constitution section code statute title article clause wall bill law policy")
#: What speaks for its maker: "a report by the Cato Institute".
DOCUMENTS = listed("""
    report study analysis survey poll letter statement memo memorandum brief complaint lawsuit suit filing paper
    article review audit memos documents records figures data estimate estimates count tally research document
    testimony opinion ruling decision proclamation order petition motion account numbers reports studies summary
    editorial column post release affidavit transcript spreadsheet footage video dissent""")
#: Nouns after which a "for" phrase belongs to the holder.
AGENTS = listed("""
    spokesman spokeswoman spokesperson spokesmen lawyer lawyers attorney attorneys counsel director head secretary
    advocate advocates candidate candidates lobbyist lobbyists judge analyst fellow aide commissioner speaker adviser
    reporter editor manager chairman court center council committee coalition union alliance institute association
    foundation federation americans citizens campaign""")
