-- A day's changes to the sample database: one product changes, one goes, orders come in, a store opens.

set names utf8mb4;
use sampledb;

update product set name = 'Crème Brûlée Torch, refillable', dept = 'Hardware', category = 'Gas Tools' where id = 1001;
delete from product where id = 1002;
call loadorders(1345, current_date);
insert into store (id, address1, city, state, countrycode, postcode) values
  (1009, '12 Weaver''s Yard', 'Northgate', 'NH', 'US', '03801');
