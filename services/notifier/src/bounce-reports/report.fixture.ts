/** A delivery status notification as mail hosts write it (RFC 3464), with the header of the mail that bounced. */
export const notification = ({
  recipient = [
    'Final-Recipient: rfc822; bpmtestusr1@gmail.com',
    'Action: failed',
    'Status: 5.1.1',
    'Diagnostic-Code: smtp; 550 5.1.1 <bpmtestusr1@gmail.com>: User unknown',
  ],
  type = 'multipart/report; report-type=delivery-status',
  statusType = 'message/delivery-status',
}: {
  /** Fields of the recipient; several recipients have an empty line between them. */
  recipient?: string[]
  type?: string
  statusType?: string
} = {}): string =>
  [
    'From: MAILER-DAEMON@mail.example',
    'To: undisclosed',
    'Subject: Undelivered Mail Returned to Sender',
    'MIME-Version: 1.0',
    `Content-Type: ${type}; boundary="=_b"`,
    '',
    '--=_b',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'This is the mail system. Your message could not be delivered.',
    '',
    '--=_b',
    `Content-Type: ${statusType}`,
    '',
    'Reporting-MTA: dns; mail.example',
    'Arrival-Date: Fri, 27 Nov 2026 09:00:00 +0000',
    '',
    ...recipient,
    '',
    '--=_b',
    'Content-Type: text/rfc822-headers',
    '',
    'From: Rekey <no-reply@rekey.test>',
    'Subject: Rekey: your code',
    '',
    '--=_b--',
    '',
  ].join('\r\n')
