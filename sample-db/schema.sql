-- The sample database: three small tables of a shop, no declared keys, as such sources often are.
-- Runs with the mysql or mariadb client and with `npm run sample-db -- script sample-db/schema.sql`.
-- Every value is made from the row's number, so that two runs give the same rows.

set names utf8mb4;
drop database if exists sampledb;
create database sampledb character set utf8mb4 collate utf8mb4_unicode_ci;
use sampledb;

create table store (
  id int not null,
  address1 varchar(150),
  city varchar(50),
  state varchar(2),
  countrycode varchar(2),
  postcode varchar(10)
) engine=innodb;

create table product (
  id int not null,
  name varchar(255),
  dept varchar(100),
  category varchar(100),
  price decimal(10,2)
) engine=innodb;

create table productorder (
  id int not null,
  productid int,
  storeid int,
  qty int,
  soldprice decimal(10,2),
  create_dt date
) engine=innodb;

insert into store (id, address1, city, state, countrycode, postcode) values
  (1001, '14 Lantern Row', 'Eastmere', 'NJ', 'US', '07094'),
  (1002, '2200 Harbor Mill Road', 'Saltwick', 'MA', 'US', '02139'),
  (1003, '87 Copper Kettle Way', 'Fenborough', 'NY', 'US', '11232'),
  (1004, '501 Juniper Crossing', 'Dry Fork', 'TX', 'US', '78741'),
  (1005, '9 Millstone Lane, Unit B', 'Hollis Green', 'CT', 'US', '06510'),
  (1006, '3310 Old Quarry Drive', 'Redbank Falls', 'CO', 'US', '80216'),
  (1007, '760 Sparrow Street', 'Westerly Point', 'WA', 'US', '98134'),
  (1008, '45 Orchard Terrace', 'Pinecombe', 'ME', 'US', '04101');

insert into product (id, name, dept, category, price) values
  (1001, 'Crème Brûlée Torch', 'Kitchen', 'Tools', 24.50),
  (1002, 'Cast Iron Pan 26 cm', 'Kitchen', 'Cookware', 39.95),
  (1003, 'Bread Knife', 'Kitchen', 'Cutlery', 18.00),
  (1004, 'Mixing Bowl, set of 3', 'Kitchen', 'Cookware', 21.75),
  (1005, 'Garlic Press', 'Kitchen', 'Tools', 9.99),
  (1006, 'Watering Can 5 l', 'Garden', 'Watering', 15.20),
  (1007, 'Hose Reel 20 m', 'Garden', 'Watering', 54.00),
  (1008, 'Pruning Shears', 'Garden', 'Hand Tools', 17.35),
  (1009, 'Bulb Planter', 'Garden', 'Hand Tools', 11.10),
  (1010, 'Terracotta Pot', 'Garden', 'Pots', 6.40),
  (1011, 'Claw Hammer', 'Hardware', 'Hand Tools', 14.90),
  (1012, 'Spirit Level 60 cm', 'Hardware', 'Measuring', 22.30),
  (1013, 'Tape Measure 8 m', 'Hardware', 'Measuring', 8.75),
  (1014, 'Cordless Drill 18 V', 'Hardware', 'Power Tools', 119.00),
  (1015, 'Orbital Sander', 'Hardware', 'Power Tools', 74.60),
  (1016, 'Wool Blanket', 'Home', 'Textiles', 62.00),
  (1017, 'Linen Tablecloth', 'Home', 'Textiles', 34.25),
  (1018, 'Floor Lamp', 'Home', 'Lighting', 88.80),
  (1019, 'Desk Lamp', 'Home', 'Lighting', 29.90),
  (1020, 'Picture Frame 30 x 40', 'Home', 'Decor', 12.45),
  (1021, 'Trail Backpack 30 l', 'Outdoor', 'Bags', 79.50),
  (1022, 'Folding Stool', 'Outdoor', 'Camping', 19.99),
  (1023, 'Gas Lantern', 'Outdoor', 'Camping', 42.15),
  (1024, 'Enamel Mug', 'Outdoor', 'Camping', 7.25),
  (1025, 'Rain Poncho', 'Outdoor', 'Clothing', 16.70);

delimiter //

-- Adds ordercount orders of one day, each in a transaction of its own; ids go on from the highest one.
create procedure loadorders(in ordercount int, in orderdate date)
begin
  declare done int default 0;
  declare nextid int;
  declare soldproduct int;
  declare listprice decimal(10,2);

  select coalesce(max(id), 0) into nextid from productorder;
  while done < ordercount do
    set nextid = nextid + 1;
    set done = done + 1;
    -- the product drawn, or the next one that is still sold
    select id, price into soldproduct, listprice from product
      where id >= 1001 + crc32(concat('product', nextid)) % 25 order by id limit 1;
    start transaction;
    insert into productorder (id, productid, storeid, qty, soldprice, create_dt) values
      (nextid, soldproduct, 1001 + crc32(concat('store', nextid)) % 8, 1 + crc32(concat('qty', nextid)) % 9,
       round(listprice * (100 - crc32(concat('price', nextid)) % 21) / 100, 2), orderdate);
    commit;
  end while;
end //

delimiter ;

call loadorders(1010, '2018-11-27');
call loadorders(1196, '2018-12-03');
call loadorders(4250, '2018-12-10');
call loadorders(1246, '2018-12-13');
call loadorders(723, '2018-11-28');
