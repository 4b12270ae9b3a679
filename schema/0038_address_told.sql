-- 0038_address_told.sql - whoever signed in with an address is told there when another takes its place.

set role portico_owner;

alter table envelope drop constraint envelope_about_check,
	add constraint envelope_about_check check (about in ('password', 'second_factor', 'address'));

reset role;
