// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetFactory} from "../src/AssetFactory.sol";
import {AssetGovernor} from "../src/AssetGovernor.sol";
import {Grants} from "../src/Grants.sol";
import {GrantsFixture} from "./GrantsFixture.sol";
import {GrantsCharter} from "../src/GrantsCharter.sol";
import {Ledger} from "../src/Ledger.sol";

/// Privacy budget, standing offer, fees and the treasury: what the charter says and the grants hold to.
contract CharterTest is GrantsFixture {
    uint64 private constant BUDGET = 3e6;
    uint32 private constant PERIOD = 30 days;

    function setUp() public override {
        super.setUp();
        AssetFactory.AssetParams memory p = params("chartered");
        (p.charter.budget, p.charter.period) = (BUDGET, PERIOD);
        p.charter.standing = GrantsCharter.Standing(5e6, 5e5, 3, 2);
        p.charter.fees = new GrantsCharter.Fee[](2);
        (p.charter.fees[0], p.charter.fees[1]) = (GrantsCharter.Fee(founder, 500), GrantsCharter.Fee(address(0xdead), 33));
        useAsset(p);
        grow();
    }

    function exceeded(uint256 needed, uint256 budget) private pure returns (bytes memory) {
        return abi.encodeWithSelector(GrantsCharter.BudgetExceeded.selector, needed, budget);
    }

    function dear(bytes32 salt) private view returns (Grants.Terms memory t) {
        t = termsOf(salt);
        t.epsilon = 2e6;
        t.expiry = uint64(vm.getBlockTimestamp() + 90 days);
    }

    /// Fits the standing offer exactly.
    function offered(bytes32 salt) private view returns (Grants.Terms memory t) {
        t = termsOf(salt);
        (t.price, t.epsilon, t.groupSize) = (5e6, 5e5, 3);
        t.expiry = uint64(vm.getBlockTimestamp() + 90 days);
    }

    // The privacy budget

    function test_UsesOfAPeriodSpendNoMoreThanItsBudget() public {
        bytes32 first = granted(dear("one"));
        bytes32 second = granted(dear("two"));
        open(first, 1);
        vm.assertEq(grants.spent(), 2e6, "spent");
        uint256 start = grants.periodStart();
        refuses(address(grants), openCall(runnerKeys[0], second, 1, 1), exceeded(4e6, BUDGET));
        // Replacing a key spends nothing more.
        (bool ok,) = address(grants).call(openCall(runnerKeys[0], first, 1, 2));
        vm.assertTrue(ok && grants.spent() == 2e6, "the same use");
        // What was released is spent, whatever becomes of the use.
        giveUp(first, 1);
        refuses(address(grants), openCall(runnerKeys[0], second, 1, 1), exceeded(4e6, BUDGET));
        vm.warp(start + PERIOD - 1);
        refuses(address(grants), openCall(runnerKeys[0], second, 1, 1), exceeded(4e6, BUDGET));
        skip(1);
        open(second, 1);
        vm.assertEq(grants.spent(), 2e6, "of the new period");
        vm.assertEq(grants.periodStart(), start + PERIOD, "which begins with the use");
    }

    function test_EachUseOfAGrantSpends() public {
        Grants.Terms memory t = dear("twice");
        (t.epsilon, t.uses) = (2e6, 2);
        bytes32 id = granted(t);
        open(id, 1);
        finish(id, 1);
        refuses(address(grants), openCall(runnerKeys[0], id, 2, 1), exceeded(4e6, BUDGET));
    }

    function test_QueriesNameAnEpsilonWithinTheBudgetAndCopiesNone() public {
        bytes memory why = abi.encodeWithSelector(GrantsCharter.TermsOutOfRange.selector, "epsilon");
        Grants.Terms memory t = termsOf("no noise");
        t.epsilon = 0;
        refuses(address(grants), requestCall(t), why);
        t.epsilon = BUDGET + 1;
        refuses(address(grants), requestCall(t), why);
        t.use = 2;
        t.epsilon = 1;
        refuses(address(grants), requestCall(t), why);
        t.epsilon = 0;
        bytes32 id = ask(t);
        carryOut(approvalOf(id));
        open(id, 1);
        vm.assertEq(grants.spent(), 0, "a copy has no noise to spend");
    }

    function test_OwnersChangeTheBudget() public {
        bytes32 id = granted(dear("one"));
        Grants.Charter memory c = grants.charter();
        c.budget = 1e6;
        carryOut(actionOf(address(grants), abi.encodeCall(Grants.setCharter, (c)), "Less"));
        refuses(address(grants), openCall(runnerKeys[0], id, 1, 1), exceeded(2e6, 1e6));
        refuses(
            address(grants),
            abi.encodeCall(grants.setCharter, (c)),
            abi.encodeWithSelector(Grants.NotTimelock.selector, address(this))
        );
    }

    // The standing offer

    function test_StandingOfferNeedsNoVote() public {
        vm.expectEmit(address(grants));
        emit Grants.Approved(idOf(offered("one")), false);
        bytes32 id = ask(offered("one"));
        isIn(id, Grants.State.Approved, "approved");
        refuses(
            address(governor), proposeCall(approvalOf(id)), abi.encodeWithSelector(Grants.WrongState.selector, id, 2)
        );
        open(id, 1);
        finish(id, 1);
        isIn(id, Grants.State.Settled, "paid");
        vm.assertEq(grants.standingUses(), 1, "counted");
        vm.assertEq(grants.spent(), 5e5, "and spent");
    }

    function test_WhatTheStandingOfferDoesNotCoverTakesAVote() public {
        Grants.Terms memory t = offered("cheaper");
        t.price--;
        isIn(ask(t), Grants.State.Requested, "cheaper");
        t = offered("less noise");
        t.epsilon++;
        isIn(ask(t), Grants.State.Requested, "less noise");
        t = offered("smaller groups");
        t.groupSize--;
        isIn(ask(t), Grants.State.Requested, "smaller groups");
        t = offered("copy");
        (t.use, t.epsilon) = (2, 0);
        isIn(ask(t), Grants.State.Requested, "a copy");
    }

    function test_StandingOfferIsForSoManyUsesAPeriod() public {
        Grants.Terms memory t = offered("three");
        t.uses = 3;
        bytes32 id = ask(t);
        open(id, 1);
        finish(id, 1);
        open(id, 2);
        finish(id, 2);
        refuses(address(grants), openCall(runnerKeys[0], id, 3, 1), exceeded(3, 2));
        // What the owners voted for does not count.
        bytes32 voted = granted(termsOf("voted"));
        open(voted, 1);
        vm.warp(grants.periodStart() + PERIOD);
        open(id, 3);
        vm.assertEq(grants.standingUses(), 1, "of the new period");
    }

    function test_AskingAndLettingItExpireUsesNothingUp() public {
        for (uint256 i = 0; i < 5; i++) {
            Grants.Terms memory t = offered(bytes32(i));
            t.expiry = uint64(vm.getBlockTimestamp() + 1);
            bytes32 lapsed = ask(t);
            skip(2);
            grants.refund(lapsed);
        }
        bytes32 id = ask(offered("real"));
        open(id, 1);
        vm.assertEq(grants.standingUses(), 1, "this one alone");
    }

    function test_OwnersTakeTheStandingOfferBack() public {
        bytes32 id = ask(offered("one"));
        Grants.Charter memory c = grants.charter();
        c.standing.uses = 0;
        carryOut(actionOf(address(grants), abi.encodeCall(Grants.setCharter, (c)), "No more"));
        isIn(ask(offered("two")), Grants.State.Requested, "takes a vote");
        refuses(address(grants), openCall(runnerKeys[0], id, 1, 1), exceeded(1, 0));
    }

    // Fees and the treasury

    function test_FeesAreTakenFromThePriceToTheUnitAndNobodyBlocksOthers() public {
        Grants.Terms memory t = termsOf("one");
        t.price = 999_999;
        bytes32 id = granted(t);
        open(id, 1);
        finish(id, 1);
        uint256 first = uint256(999_999) * 500 / 10_000;
        uint256 second = uint256(999_999) * 33 / 10_000;
        vm.assertEq(grants.creditOf(founder), first, "founder");
        vm.assertEq(grants.creditOf(address(0xdead)), second, "operator");
        moneyIs(0, first + second, 999_999 - first - second);
        grants.payCredit(founder);
        vm.assertEq(dollar.balanceOf(founder), first, "paid");
    }

    function test_FeesOfAPriceTooSmallForThemAreNothing() public {
        Grants.Terms memory t = termsOf("one");
        t.price = 1;
        bytes32 id = granted(t);
        open(id, 1);
        finish(id, 1);
        moneyIs(0, 0, 1);
    }

    function test_TreasuryIsPaidAndPaysByAVoteOnTheConstitution() public {
        Grants.Charter memory c = grants.charter();
        c.fees[1].recipient = address(timelock);
        carryOut(actionOf(address(grants), abi.encodeCall(Grants.setCharter, (c)), "A treasury"));
        bytes32 id = granted("one");
        open(id, 1);
        finish(id, 1);
        uint256 there = PRICE * 33 / 10_000;
        vm.assertEq(grants.payCredit(address(timelock)), there, "paid to the treasury");
        Action memory a = actionOf(
            address(dollar), abi.encodeWithSignature("transfer(address,uint256)", stranger, there), "For an audit"
        );
        carryOut(a);
        vm.assertEq(dollar.balanceOf(stranger), there, "paid by it");
        (AssetGovernor.Class class,) = governor.rulesFor(proposalOf(a));
        vm.assertEq(uint256(class), uint256(AssetGovernor.Class.Constitution), "of the constitution");
        // Nothing else of the payment token can be called.
        a = actionOf(address(dollar), abi.encodeWithSignature("approve(address,uint256)", stranger, there), "Steal");
        vm.startPrank(owner(3));
        refuses(
            address(governor),
            proposeCall(a),
            abi.encodeWithSelector(
                AssetGovernor.ActionNotAllowed.selector, address(dollar), bytes4(keccak256("approve(address,uint256)"))
            )
        );
        vm.stopPrank();
    }

    function test_TreasuryKeepsWhatNobodyOwnsEnoughToBePaid() public {
        AssetFactory.AssetParams memory p = params("dust");
        p.charter = charter();
        p.charter.standing = GrantsCharter.Standing(1, 1e6, 2, 1);
        useAsset(p);
        uint256[] memory amounts = new uint256[](4);
        for (uint256 i = 0; i < 4; i++) {
            amounts[i] = 1;
        }
        Ledger.Claim[] memory claims = claimsOf(addressesOf(ownerKeys), amounts);
        post(claims);
        ledger.claimMany(claims, new bytes32[](0));
        grants.takeSnapshot();
        bytes32 id = ask(termsOf("one"));
        open(id, 1);
        finish(id, 1);
        vm.assertEq(grants.creditOf(address(timelock)), PRICE, "the treasury");
        moneyIs(0, PRICE, 0);
        vm.assertEq(grants.payCredit(address(timelock)), PRICE, "is paid");
    }
}
