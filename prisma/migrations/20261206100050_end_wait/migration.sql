-- The staff veto a waiting restore, or end its wait early with a second person.
ALTER TYPE "waiting_restore_veto" ADD VALUE 'staff';
ALTER TYPE "change_operation" ADD VALUE 'end_wait';
ALTER TYPE "approval_action" ADD VALUE 'end_wait';
