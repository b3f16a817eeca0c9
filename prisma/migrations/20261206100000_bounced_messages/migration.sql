-- A message that the mail server had taken bounced. The last value is the strongest status.
ALTER TYPE "message_status" ADD VALUE 'bounced';
