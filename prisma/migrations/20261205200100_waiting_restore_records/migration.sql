-- The history records that a waiting restore was opened, vetoed, or expired. A completed one is a record of the password.
ALTER TYPE "change_operation" ADD VALUE 'open_waiting_restore';
ALTER TYPE "change_operation" ADD VALUE 'veto_waiting_restore';
ALTER TYPE "change_operation" ADD VALUE 'expire_waiting_restore';
