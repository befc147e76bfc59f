"""A domain and problems that the tests of planning share: everything that is read of PDDL is in them."""

DOMAIN = """; Rooms with doors, some of them locked.
(define (domain Rooms)
  (:requirements :strips :typing :negative-preconditions :equality :action-costs)
  (:types room - object robot thing - movable key - thing)
  (:constants hall - room)
  (:predicates (in ?x - movable ?r - room) (door ?a ?b - room) (locked ?r - room) (opens ?k - key ?r - room)
               (has ?r - robot ?t - (either key thing)))
  (:functions (total-cost) - number (way ?a ?b - room) - number)
  (:action go
    :parameters (?r - robot ?a ?b - room)
    :precondition (and (in ?r ?a) (door ?a ?b) (not (locked ?b)) (not (= ?a ?b)))
    :effect (and (in ?r ?b) (not (in ?r ?a)) (increase (total-cost) (way ?a ?b))))
  (:action take
    :parameters (?r - robot ?t - thing ?a - room)
    :precondition (and (in ?r ?a) (in ?t ?a))
    :effect (and (has ?r ?t) (not (in ?t ?a)) (increase (total-cost) 2)))
  (:action unlock
    :parameters (?r - robot ?k - key ?b - room)
    :precondition (and (has ?r ?k) (opens ?k ?b) (locked ?b) (in ?r hall))
    :effect (not (locked ?b))))
"""
PROBLEM = """(define (problem Fetch) (:domain rooms)
  (:objects robo - robot k1 - key CUP - thing kitchen cellar - room)
  (:init (in robo hall) (in k1 kitchen) (in cup cellar) (opens k1 cellar) (locked cellar) (not (locked kitchen))
    (door hall kitchen) (door kitchen hall) (door hall cellar) (door cellar hall)
    (= (way hall kitchen) 3) (= (way kitchen hall) 3) (= (way hall cellar) 5) (= (way cellar hall) 5)
    (= (total-cost) 0))
  (:goal (and (has robo cup) (not (locked cellar))))
  (:metric minimize (total-cost)))
"""
PLAN = """(go robo hall kitchen)
(take robo k1 kitchen)
(go robo kitchen hall)
(unlock robo k1 cellar)
(go robo hall cellar)
(take robo cup cellar)
"""
COST = 3 + 2 + 3 + 0 + 5 + 2
