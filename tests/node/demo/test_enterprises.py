"""The invented members and their facilities."""

from __future__ import annotations

import re

from node.demo.enterprises import GROUPS, MINES, SEPARATORS, TRADERS
from node.demo.figures import load_figures
from node.demo.records import DemoHistory

IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{1,31}")


def test_ids_fit_the_pattern_and_are_unique(history: DemoHistory) -> None:
    for ids in (
        [member.id for member in history.members],
        [facility.id for facility in history.facilities],
    ):
        assert all(IDENTIFIER.fullmatch(one) for one in ids)
        assert len(ids) == len(set(ids))


def test_names_registrations_tags_and_licences_are_unique(history: DemoHistory) -> None:
    licences = [licence for member in history.members for licence in member.licences]
    tags = [member.tag for member in (*MINES, *SEPARATORS, *TRADERS)]
    for values in (
        [member.name for member in history.members],
        [member.registration for member in history.members],
        licences,
        tags,
    ):
        assert len(values) == len(set(values))
    assert all(re.fullmatch(r"[A-Z]{3}", tag) for tag in tags)


def test_there_are_enough_members_of_every_sort(history: DemoHistory) -> None:
    kinds = [member.kind for member in history.members]
    assert kinds.count("authority") == 2
    assert kinds.count("enterprise") - len(GROUPS) >= 26
    assert history.validators == ("ministry", "customs", "north-group", "south-group")
    assert (len(MINES), len(SEPARATORS), len(TRADERS)) == (11, 12, 5)


def test_a_group_is_admitted_before_its_enterprises(history: DemoHistory) -> None:
    order = [member.id for member in history.members]
    for member in history.members:
        if member.group:
            assert order.index(member.group) <= order.index(member.id)


def test_a_mine_has_one_facility_for_each_licence(history: DemoHistory) -> None:
    for member in history.members:
        if "mining" in member.activities:
            own = [facility for facility in history.facilities if facility.owner == member.id]
            assert len(own) == len(member.licences) >= 1
            assert {facility.activity for facility in own} == {"mining"}


def test_every_facility_names_a_licence_of_its_owner_and_a_mine_its_published_ore(
    history: DemoHistory,
) -> None:
    licences = {member.id: member.licences for member in history.members}
    ores = {(bound.ore, bound.kind) for bound in load_figures().fingerprints}
    used = [facility.licence for facility in history.facilities]
    assert len(used) == len(set(used))
    for facility in history.facilities:
        assert facility.licence in licences[facility.owner]
        if facility.activity == "mining":
            assert (facility.ore, facility.ore_kind) in ores
        else:
            assert facility.ore == ""


def test_a_facility_does_what_its_owner_may_do_and_only_mines_name_an_ore(
    history: DemoHistory,
) -> None:
    members = {member.id: member for member in history.members}
    for facility in history.facilities:
        assert facility.activity in members[facility.owner].activities
        assert (facility.ore_kind != "none") == (facility.activity == "mining")
        assert facility.lines >= 1
        assert facility.yearly_capacity_g > 0
        assert members[facility.owner].province in facility.place


def test_plants_are_no_smaller_than_the_published_floors() -> None:
    floors = {floor.plant: floor.yearly_capacity_g for floor in load_figures().plant_floors}
    mines = {"ORE-MIX": "mixed-ore mine", "ORE-BAS": "bastnaesite mine", "ORE-ION": "ionic mine"}
    separators = {
        "ORE-MIX": "separator of mixed ore",
        "ORE-BAS": "separator of bastnaesite",
        "ORE-ION": "separator of ionic ore",
    }
    for mine in MINES:
        for pit in mine.pits:
            assert pit.yearly_capacity_t * 1_000_000 >= floors[mines[pit.ore.product]]
    for plant in SEPARATORS:
        for feed in plant.feeds:
            assert plant.yearly_capacity_t * 1_000_000 >= floors[separators[feed]]


def test_separators_can_treat_what_they_are_granted(history: DemoHistory) -> None:
    capacity = {plant.id: plant.yearly_capacity_t * 1_000_000 for plant in SEPARATORS}
    for year in (2023, 2024):
        for plant, capacity_g in capacity.items():
            granted = sum(
                grant.grams
                for grant in history.grants
                if (grant.year, grant.grantee) == (year, plant)
            )
            assert 0 < granted <= capacity_g, plant


def test_groups_stand_in_for_the_groups_of_the_notices() -> None:
    published = {row.group for row in load_figures().groups_2024_batch_1}
    assert {group.standin_for for group in GROUPS} == published
    assert not published & {group.name for group in GROUPS}
