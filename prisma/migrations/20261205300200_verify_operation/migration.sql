-- A member of staff verified the customer.
ALTER TYPE "change_operation" ADD VALUE 'verify';
