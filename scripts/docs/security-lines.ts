/** A security requirement. Each has at least one test whose title starts with its number. */
export interface SecurityLine {
  number: string
  /** Markdown; sources in brackets: ASVS 5.0.0, NIST SP 800-63B-4 (§), RFCs, OWASP cheat sheets (CS). */
  text: string
}

export const securityLines: Record<string, SecurityLine[]> = {
  'Codes and challenges': [
    {
      number: 'S1',
      text: 'Confirmation code: `crypto.randomInt`, 6 digits by default, 6 to 12, leading zeros kept [ASVS 6.5.3, 6.5.4; §3.1.3.2].',
    },
    { number: 'S2', text: 'Lives 10 minutes at most, by e-mail and SMS alike [ASVS 6.5.5].' },
    { number: 'S3', text: 'Accepted once; 50 parallel correct submissions give one success [ASVS 6.5.1, 15.4.2].' },
    {
      number: 'S4',
      text: 'Bound to purpose, client, account and challenge: no other challenge, purpose or client accepts it [ASVS 6.6.2].',
    },
    { number: 'S5', text: 'Five failures end the challenge. 200 parallel wrong guesses: at most five evaluated.' },
    {
      number: 'S6',
      text: 'A per-account failure budget survives resends, new challenges, other addresses: 10 failures block *restore* for that account for 10 minutes, doubling to 24 h; sign-in is never blocked by it. At 100 consecutive failures restore stays off until the back office lifts it [§3.2.2; §3.1.3.2].',
    },
    {
      number: 'S7',
      text: 'Resend replaces the code, keeps the count, waits 60 s, 5 sends per challenge and 10 per account and hour [vendor default 5]. The cooldown is the same for unknown users.',
    },
    {
      number: 'S8',
      text: 'At rest only HMAC-SHA-256 with a key that is not in Redis; compared in constant time [CS MFA; ASVS 11.2.4].',
    },
    {
      number: 'S9',
      text: 'The confirmation code is found nowhere but the message: not in a response, token, log, trace, metric, Redis value, stream, database row or dump. A test plants codes and searches all of them.',
    },
    { number: 'S10', text: 'Opaque tokens carry at least 128 bits from the CSPRNG [ASVS 7.2.3].' },
  ],
  Enumeration: [
    {
      number: 'S11',
      text: 'Known, unknown, blocked and over-limit accounts: same status, same bytes but for random fields of equal length, same headers [ASVS 6.3.8].',
    },
    {
      number: 'S12',
      text: 'Same time: 2 × 1,000 interleaved samples, Welch |t| ≤ 4.5. Login does one full hash for unknown users too.',
    },
    { number: 'S13', text: 'Limits are keyed on HMAC(normalised identifier), existing or not.' },
    {
      number: 'S14',
      text: 'Policy errors come only after the code was verified; no masked address the caller did not type before a password was proven.',
    },
  ],
  Passwords: [
    {
      number: 'S15',
      text: 'At least 8 code points (15 where MFA is off), at most 128; longer is refused, never cut [§3.1.1.2; ASVS 6.2.8, 6.2.9]. NFC before hashing, no trimming, any Unicode [§3.1.1.2]. No composition rules, no rotation [ASVS 6.2.5, 6.2.10].',
    },
    {
      number: 'S16',
      text: 'Production: blocklist of common passwords, whole-password match, embedded and offline; optional k-anonymity breach look-up with a time-out that fails open and says so in a metric; context words (service, user name, mail) [ASVS 6.2.4, 6.2.11, 6.2.12]. The reason is given. Last-N reuse off by default [PCI 8.3.7 wants 4].',
    },
    {
      number: 'S17',
      text: 'argon2id, floor m=19456 KiB t=2 p=1, own 128-bit salt, PHC string, optional pepper by key id [ASVS App. C]. Foreign hashes (bcrypt, scrypt, PBKDF2, argon2i) are verified as they are and rehashed at the next success; bcrypt input over 72 bytes is refused, not cut.',
    },
    { number: 'S18', text: 'A change asks for the current password in production [ASVS 6.2.3].' },
  ],
  'Restore and change': [
    {
      number: 'S19',
      text: 'No step can be skipped or reordered [ASVS 2.3.1]. A grant does one thing, once, for one person; as an API bearer it opens nothing else.',
    },
    {
      number: 'S20',
      text: 'No sign-in comes out of a restore; the person signs in with the new password [CS Forgot Password].',
    },
    {
      number: 'S21',
      text: 'Restore ends all sessions; change ends all others: refresh families revoked, access tokens issued before refused within 1 s at the services [ASVS 7.4.1, 7.4.3].',
    },
    {
      number: 'S22',
      text: 'A notification goes to every confirmed address, with time, place and "it was not me" [ASVS 6.3.7; §4.6].',
    },
    {
      number: 'S23',
      text: 'Restore must not bypass an enrolled second factor beyond mail and SMS [ASVS 6.4.3]. Counted from the day such factors (TOTP, passkeys) exist; none is to be faked for it.',
    },
    { number: 'S24', text: 'Password, history, spent token and events commit together [ASVS 2.3.3].' },
    { number: 'S25', text: 'A failing store or broker never lets anyone through [ASVS 16.5.3].' },
  ],
  'OAuth and tokens': [
    {
      number: 'S26',
      text: 'Exact redirect match; code single-use, 60 s, replay revokes what it gave [ASVS 10.4.1 to 10.4.3]. PKCE S256 for public clients, `plain` refused [10.4.6]. Refresh rotation with reuse detection and absolute expiry [10.4.5, 10.4.8]. `password` and implicit grants refused [RFC 9700].',
    },
    {
      number: 'S27',
      text: 'Algorithm allow-list, no `none`, `jku`/`x5u`/`jwk` ignored, `typ`, `iss`, `aud`, `exp`, `nbf` checked [ASVS 9.1.2, 9.1.3; RFC 9068 §4]. HS256 is accepted for `mfa_token` only, with its own key.',
    },
    { number: 'S28', text: 'RFC 6749 §5.2 and RFC 6750 §3.1 codes and headers; `no-store`.' },
    { number: 'S29', text: 'Keys rotate without a restart being visible: two valid keys, `kid`, JWKS.' },
  ],
  Edges: [
    {
      number: 'S30',
      text: 'Client address from trusted proxies only; a rotated X-Forwarded-For changes nothing [ASVS 4.1.3].',
    },
    {
      number: 'S31',
      text: 'Body limit 16 KiB; arrays, objects, numbers, `__proto__`, duplicate parameters, CRLF, invalid UTF-8, huge headers: a clear 4xx, never a 5xx, never a stack.',
    },
    { number: 'S32', text: 'Links use the configured origin, not Host.' },
    {
      number: 'S33',
      text: 'NATS: each service its own account or user with only the subjects it needs; a forged event is refused; Postgres: own role, no DDL at run time.',
    },
    {
      number: 'S34',
      text: 'Pages: strict CSP without inline script, frame-ancestors none, CSRF token, no referrer, no third party.',
    },
    {
      number: 'S35',
      text: 'Logs (JSON): UTC time, event name (`authn_password_change`, `authn_password_change_fail`, `excess_rate_limit_exceeded`, …), severity, reason, trace id, hashed challenge id, customer code, actor, client id, address, channel, attempt. Never: passwords, codes, tokens, cookies, authorization headers, keys, connection strings, bodies, full mail or phone, raw unknown user names [ASVS 16.2, CS Logging].',
    },
    { number: 'S36', text: 'Secrets from environment or files, never argv; sandbox keys in a 0600 file outside git.' },
    { number: 'S37', text: 'Dependencies pinned by lock file; images run as non-root with a read-only root.' },
  ],
  'Stolen things, strangers and stores': [
    {
      number: 'S38',
      text: 'A request with an effect that a browser sends for another site (`Sec-Fetch-Site: cross-site`, or an `Origin` that is neither ours nor registered) is refused before anything is counted, on every public endpoint [Fetch Metadata; CS CSRF]. Programs, which send neither, are served.',
    },
    {
      number: 'S39',
      text: 'No limit that a stranger can use up keeps out a person who comes from a network where this account signed in within 90 days (kept as HMAC) [ASVS 6.3.1; OWASP device cookies, without a cookie].',
    },
    {
      number: 'S40',
      text: 'State read back from Redis is authenticated: every field that a token is made from is bound by a MAC or sealed under a key not in Redis. Token issue asserts scope ⊆ client ∩ flow; staff scopes come from `client_credentials` alone.',
    },
    {
      number: 'S41',
      text: "A password that staff know is temporary and begins a hold [ASVS 6.4.6]. With four eyes on, whatever weakens a customer's protection (set, reset, end a hold, lift a block) needs two owners, and leaves a record and a notification.",
    },
    {
      number: 'S42',
      text: 'A proof counts at the time it was given, judged by every failure of that person up to then, over all addresses.',
    },
    {
      number: 'S43',
      text: 'Removing or replacing a confirmed address notifies the old one; a young address restores with a longer hold and tells the old one [ASVS 6.3.7; SP 800-63B-4 §4.6]. An unconfirmed address hinders nobody.',
    },
    {
      number: 'S44',
      text: 'After a restore over one channel, sign-in takes only another channel of that person while the hold lasts, where there is one [RTS 2018/389 art. 9; SP 800-63B-4 §4.2].',
    },
    {
      number: 'S45',
      text: "Scopes of a foreign identity provider are those that configuration allows; never staff's and a customer's in one token.",
    },
    {
      number: 'S46',
      text: 'A confidential client is named in tokens, events and history only after it authenticated [RFC 6749 §2.3].',
    },
    {
      number: 'S47',
      text: "Only the five streams can be made or changed by the broker's operator; no account can place an event on a subject that it may not publish; an event that ends sessions is checked for plausibility.",
    },
    {
      number: 'S48',
      text: "Production refuses values outside bounds for everything that guards something (proxies, quotas, holds, log level, file modes, public clients' scopes).",
    },
    {
      number: 'S49',
      text: 'A completed restore reopens a sign-in that wrong passwords had closed.',
    },
    {
      number: 'S50',
      text: 'What the broker acknowledged and lost by power failure is offered again from the outbox; `deploy/` syncs each write where the server can.',
    },
    {
      number: 'S51',
      text: 'Hop-by-hop headers are not forwarded [RFC 9110 §7.6.1]; no header of a client is answered with a 5xx.',
    },
    {
      number: 'S52',
      text: 'Every secret key (signing, sealing, HMAC, client secrets) rotates with an overlap and without a lost code or session.',
    },
    {
      number: 'S53',
      text: 'Under `known` and `two` no single method, member of staff, leaked store or writer of Redis gives a new password that gets in to a person with two methods; the takeover table is played by tests [RTS 2018/389 art. 4, 9; SP 800-63B-4 §4.2].',
    },
    {
      number: 'S54',
      text: 'A TOTP time step counts once per person, under any race, at most one step early or late; the secret is sealed with a key outside Postgres [RFC 6238 §5.2; ASVS 6.5.1].',
    },
    {
      number: 'S55',
      text: 'Recovery codes: 80 bits or more, kept as HMAC, once each, reissue told and replacing [SP 800-63B-4 §4.2.1.1].',
    },
    {
      number: 'S56',
      text: 'Passkeys: origin, RP id, challenge once, user verification, and, where the credential is not backed up, the signature counter; a clone warning ends such a credential and is told [WebAuthn L3 §7.2].',
    },
    {
      number: 'S57',
      text: 'Adding or removing a factor needs a fresh proof by an existing one, is told to every address with a not-me link, and a new one is young for 72 h (S43) [ASVS 6.3.7, 6.4].',
    },
    {
      number: 'S58',
      text: 'A waiting restore has one end under kill, pause, clock steps and a racing veto; nobody alone shortens it.',
    },
    {
      number: 'S59',
      text: "Staff act on a customer only with that customer's live proof, or with a second person and a notification [ASVS 6.4.6; CISA AA23-320A].",
    },
    {
      number: 'S60',
      text: 'Before the first proof no answer, time or limit depends on which methods a person has.',
    },
  ],
}
